/**
 * A process that works on a store until it is killed. It prints one line of JSON per thing done.
 *
 *     node store-worker.js ROOT MODE DIGEST
 *
 * `hold` opens one of everything and waits; `keep` keeps a stage for a machine and waits; `churn`
 * makes layers, tags and caches without end, each layer on the one before; `prune` removes what it can without
 * end; `build` makes a chain of layers again and again, as a build does: it holds them and takes what is there.
 */
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openStore } from "../../src/store/open-store.ts";
import { newOwner } from "../../src/store/owner.ts";
import type { StageBase, Store } from "../../src/store/store.ts";
import { write } from "./cache-content.ts";
import { expectOk, idOf, makeLayer, openStageOn } from "./store-fixture.ts";

const [, , root = "", mode = "", digest = ""] = process.argv;
const image: StageBase = { kind: "image", digest, format: "raw" };
const store = expectOk(await openStore(root));

switch (mode) {
  case "hold":
    await hold();
    break;
  case "keep":
    await keep();
    break;
  case "churn":
    await churn(store);
    break;
  case "prune":
    for (;;) say({ pruned: expectOk(await store.prune({ keepBytes: 0 })).removed.length });
  case "build":
    await build(store);
    break;
  default:
    throw new Error(`unknown mode ${mode}`);
}

async function hold(): Promise<void> {
  const stage = await openStageOn(store, image, idOf("held"));
  const machine = startMachine();
  expectOk(await stage.machineStarted(machine));
  await store.hold([idOf("held")]);
  const lease = expectOk(await store.cache("held"));
  await writeFile(lease.newContentPath, "half of the new cont");
  await writeFile(join(root, "state", "tmp", await newOwner()), "half of a docu");
  say({ dir: stage.dir, machine, newContentPath: lease.newContentPath });
  setInterval(() => {}, 1e6);
}

async function keep(): Promise<void> {
  const stage = await openStageOn(store, image, idOf("kept"));
  const machine = startMachine();
  expectOk(await stage.machineStarted(machine));
  await stage.keepFor(machine);
  await stage[Symbol.asyncDispose]();
  say({ dir: stage.dir, machine });
  setInterval(() => {}, 1e6);
}

async function build(store: Store): Promise<void> {
  for (;;) {
    const ids = Array.from({ length: 4 }, (_, n) => idOf(`step ${n}`));
    await using _ = await store.hold(ids);
    let base = image;
    for (const id of ids) {
      if ((await store.layer(id)) === undefined) await makeLayer(store, base, id);
      base = { kind: "layer", id };
    }
    const found = await Promise.all(ids.map((id) => store.layer(id)));
    say({ built: found.filter((layer) => layer !== undefined).length });
  }
}

async function churn(store: Store): Promise<void> {
  let base = image;
  for (let n = 0; ; n++) {
    const id = idOf(`${process.pid}.${n}`);
    await makeLayer(store, base, id, randomBytes(100_000).toString("hex"));
    say({ promoted: id });
    base = { kind: "layer", id };
    expectOk(await store.tag("last", id));
    say({ tagged: id });
    await using lease = expectOk(await store.cache("churned"));
    const body = randomBytes(250_000).toString("hex");
    const form = n % 2 === 0 ? "tar" : "disk";
    await write(lease, form, createHash("sha256").update(body).digest("hex") + body);
    say({ published: expectOk(await lease.publish(form)) });
    const spare = idOf(`${process.pid}.${n}.spare`);
    await makeLayer(store, base, spare);
    say({ promoted: spare });
    say({ deleting: spare });
    expectOk(await store.delete(spare));
  }
}

/** Something that outlives this process unless it is killed. */
function startMachine(): number {
  const child = spawn("sleep", ["1000"], { detached: true, stdio: "ignore" });
  child.unref();
  if (child.pid === undefined) {
    throw new Error("sleep did not start");
  }
  return child.pid;
}

function say(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
