import { link, mkdir, readdir, rename, stat, utimes, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import {
  expectOk,
  idOf,
  makeLayer,
  openStageOn,
  storeFixture,
} from "../../test/laws/store-fixture.ts";
import { StoreWorkers } from "../../test/laws/store-workers.ts";
import { closeGate, passGate } from "./gate.ts";
import { storeLayout } from "./layout.ts";
import { openStore } from "./open-store.ts";
import { formatIdentity, identifyProcess, newOwner } from "./owner.ts";
import { checkImage } from "./qemu-img.ts";
import type { Store } from "./store.ts";

let workers: StoreWorkers;
beforeAll(async () => {
  workers = await StoreWorkers.create();
});
afterAll(() => workers[Symbol.asyncDispose]());
afterEach(() => workers.endAll());

const [a, b, c] = [idOf("a"), idOf("b"), idOf("c")];

test("a build that runs beside two prunes always finds what it was told is there", async () => {
  await using fixture = await storeFixture(openStore);
  await fixture.open();
  const builder = await workers.start(fixture, "build");
  const pruners = [await workers.start(fixture, "prune"), await workers.start(fixture, "prune")];
  for (let n = 0; n < 5; n++) {
    expect(await builder.next()).toEqual({ built: 4 });
    for (const pruner of pruners) expect((await pruner.next()).pruned).toBeTypeOf("number");
  }
  await builder.kill();
  for (const pruner of pruners) await pruner.kill();
  const store = await fixture.open();
  await expectWhole(store);
  expect(await leftovers(fixture.root)).toEqual([]);
  expectOk(await store.prune({ keepBytes: 0 }));
  expect(await store.layers()).toEqual([]);
});

test("a prune killed while it removes layers leaves a good store", async () => {
  await using fixture = await storeFixture(openStore);
  const store = await fixture.open();
  const ids = Array.from({ length: 12 }, (_, n) => idOf(`layer ${n}`));
  for (const [n, id] of ids.entries()) {
    const parent = ids[n - 1];
    await makeLayer(store, parent === undefined ? fixture.base : { kind: "layer", id: parent }, id);
  }
  const pruner = await workers.start(fixture, "prune");
  await expect
    .poll(async () => (await readdir(join(fixture.root, "result"))).length, { interval: 1 })
    .toBeLessThan(12);
  await pruner.kill();
  const reopened = await fixture.open();
  await expectWhole(reopened);
  expect(await leftovers(fixture.root)).toEqual([]);
  expectOk(await reopened.prune({ keepBytes: 0 }));
  expect(await reopened.layers()).toEqual([]);
});

test("several deletions cut short are ended in one go, and what is used comes back", async () => {
  await using fixture = await storeFixture(openStore);
  const store = await fixture.open();
  await makeLayer(store, fixture.base, a);
  await makeLayer(store, { kind: "layer", id: a }, b);
  await makeLayer(store, { kind: "layer", id: b }, c);
  // As after a power cut that lost the first of three moves.
  for (const id of [a, b]) {
    await rename(join(fixture.root, "result", id), await deadEntry(fixture.root, `${id}.deleted`));
  }
  const removed: string[] = [];
  const reopened = expectOk(
    await openStore(fixture.root, { onLeftover: ({ kind }) => removed.push(kind) }),
  );
  expect(removed).toEqual(["deletion", "deletion"]);
  expect((await reopened.layers()).map(({ id }) => id).sort()).toEqual([a, b, c].sort());
});

test("who starts to use a layer waits for who removes layers, but not for one that is dead", async () => {
  await using fixture = await storeFixture(openStore);
  const store = await fixture.open();
  const layout = storeLayout(fixture.root);
  await makeLayer(store, fixture.base, a);
  const order: string[] = [];
  let staging: Promise<unknown>;
  {
    await using gate = await closeGate(layout);
    expect(gate.holds()).toBe(true);
    staging = (async () => {
      await using stage = await openStageOn(store, { kind: "layer", id: a }, b);
      order.push(stage.id === b ? "staged" : "another");
    })();
    await expect.poll(() => readdir(layout.stageDir)).toHaveLength(1);
    order.push("opened");
  }
  await staging;
  expect(order).toEqual(["opened", "staged"]);
  const dead = (await newOwner()).replace(/^(\d+)-\d+-/, "$1-1-");
  await writeFile(join(layout.deletingDir, dead), "");
  await passGate(layout);
});

test("a gate closed in another container is waited for, for two minutes", async () => {
  await using fixture = await storeFixture(openStore);
  await fixture.open();
  const layout = storeLayout(fixture.root);
  const self = await identifyProcess(process.pid);
  if (self === undefined) throw new Error("no /proc");
  const path = join(
    layout.deletingDir,
    `${formatIdentity({ ...self, pidNamespace: "1" })}-00000000`,
  );
  await writeFile(path, "");
  const cancel = new AbortController();
  let hasPassed = false;
  const passing = passGate(layout, cancel.signal).then(() => (hasPassed = true));
  await stat(path);
  expect(hasPassed).toBe(false);
  cancel.abort();
  await passing;
  const longAgo = Date.now() / 1000 - 121;
  await utimes(path, longAgo, longAgo);
  await passGate(layout);
});

test("machines, images, logs and marks go as they should, and are counted as du counts", async () => {
  await using fixture = await storeFixture(openStore);
  const store = await fixture.open();
  const layout = storeLayout(fixture.root);
  const first = await makeLayer(store, fixture.base, a);
  const second = await makeLayer(store, { kind: "layer", id: a }, b);
  for (const { suspendedDir } of [first, second]) await mkdir(suspendedDir);
  await writeFile(join(first.suspendedDir, "ram"), Buffer.alloc(1 << 20, 1));
  await link(join(first.suspendedDir, "ram"), join(second.suspendedDir, "ram"));
  await writeFile(join(layout.failedLogDir, c), "it failed\n");
  const stray = layout.lastUse(c);
  await store.used(b);
  await writeFile(stray, "");

  const inventory = await store.inventory();
  expect(inventory.layers).toHaveLength(2);
  expect(inventory.failedLogs).toHaveLength(1);
  const dry = expectOk(await store.prune({ usedBeforeMs: Infinity, dryRun: true }));
  expect(dry.removed.map(({ kind }) => kind)).toEqual([
    "machine",
    "machine",
    "layer",
    "layer",
    "failed-log",
  ]);
  expect(dry.removed[0]?.bytes).toBe(0);
  expect(dry.removed[1]?.bytes).toBe((await stat(join(first.suspendedDir, "ram"))).blocks * 512);
  expect(await store.layers()).toHaveLength(2);

  expect(expectOk(await store.prune({ usedBeforeMs: Infinity }))).toEqual(dry);
  expect(await store.layers()).toEqual([]);
  expect(await readdir(layout.failedLogDir)).toEqual([]);
  expect(await readdir(layout.usedDir)).toEqual([]);
  expect(await leftovers(fixture.root)).toEqual([]);
  // The image came just now.
  expect(await readdir(layout.digestDir)).toHaveLength(1);
});

test("downloads go, but for the one that is going on", async () => {
  await using fixture = await storeFixture(openStore);
  const store = await fixture.open();
  const layout = storeLayout(fixture.root);
  const key = `sha256-${"0".repeat(64)}`;
  const dead = layout.downloadPart(key, "1-1-00000000-1-00000000");
  const living = layout.downloadPart(key, await newOwner());
  const all = [layout.download(key), layout.downloadPart(key), dead, living];
  for (const path of all) await writeFile(path, Buffer.alloc(5000, 1));
  const { downloads, unfinished } = await store.inventory();
  expect(downloads).toHaveLength(3);
  expect(unfinished).toHaveLength(1);
  const pruned = expectOk(await store.prune({ usedBeforeMs: Infinity }));
  expect(pruned.removed.map(({ kind }) => kind)).toEqual(["download", "download", "download"]);
  expect(await readdir(layout.downloadDir)).toEqual([basename(living)]);
});

/** Every layer has what it is built on, and its disk is sound. */
async function expectWhole(store: Store): Promise<void> {
  for (const { metadata, diskPath } of await store.layers()) {
    if (metadata.parent !== undefined) {
      expect(await store.layer(metadata.parent)).toBeDefined();
    }
    expect(await checkImage(diskPath)).toEqual({ ok: true, value: { kind: "clean" } });
  }
}

/** A path in `result-tmp` whose owner had this process's id and has ended. */
async function deadEntry(root: string, name: string): Promise<string> {
  const owner = (await newOwner()).replace(/^(\d+)-\d+-/, "$1-1-");
  return join(root, "result-tmp", `${name}.${owner}`);
}

async function leftovers(root: string): Promise<readonly string[]> {
  const dirs = ["result-tmp", "cache-tmp", "state/tmp", "state/holds", "state/deleting"];
  return (await Promise.all(dirs.map((dir) => readdir(join(root, dir))))).flat();
}
