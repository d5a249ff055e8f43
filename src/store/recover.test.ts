import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { read } from "../../test/laws/cache-content.ts";
import {
  expectOk,
  idOf,
  makeLayer,
  openStageOn,
  storeFixture,
} from "../../test/laws/store-fixture.ts";
import { killProcess, StoreWorkers } from "../../test/laws/store-workers.ts";
import { openStore } from "./open-store.ts";
import { formatIdentity, identifyProcess, newOwner } from "./owner.ts";
import { checkImage } from "./qemu-img.ts";

let workers: StoreWorkers;
beforeAll(async () => {
  workers = await StoreWorkers.create();
});
afterAll(() => workers[Symbol.asyncDispose]());
afterEach(() => workers.endAll());

test("what a killed process left is gone at the next start, its machine too", async () => {
  await using fixture = await storeFixture(openStore);
  await fixture.open();
  const worker = await workers.start(fixture, "hold");
  const { machine } = await worker.next();
  workers.mustEnd(machine);
  await worker.kill();
  expect(await leftovers(fixture.root)).toHaveLength(4);
  expect(await identifyProcess(machine)).toBeDefined();
  const store = await fixture.open();
  expect(await leftovers(fixture.root)).toEqual([]);
  await expect.poll(() => identifyProcess(machine)).toBeUndefined();
  expect(await store.layers()).toEqual([]);
  expect(await store.caches()).toEqual([]);
});

test("what a living process owns stays, whoever opens the store", async () => {
  await using fixture = await storeFixture(openStore);
  await fixture.open();
  const worker = await workers.start(fixture, "hold");
  const { dir, machine } = await worker.next();
  workers.mustEnd(machine);
  const before = await leftovers(fixture.root);
  const store = await fixture.open();
  expect(await leftovers(fixture.root)).toEqual(before);
  expect(await identifyProcess(machine)).toBeDefined();
  const base = fixture.base;
  expect(await store.stages()).toEqual([
    { id: idOf("held"), pid: worker.pid, dir, logPath: join(dir, "log"), base },
  ]);
  await worker.kill();
});

test("a kept stage lives as long as its machine", async () => {
  await using fixture = await storeFixture(openStore);
  await fixture.open();
  const worker = await workers.start(fixture, "keep");
  const { dir, machine } = await worker.next();
  workers.mustEnd(machine);
  await worker.kill();
  const store = await fixture.open();
  expect(await identifyProcess(machine)).toBeDefined();
  expect((await readdir(dir)).sort()).toContain("rootfs");
  expect(await store.stages()).toMatchObject([{ id: idOf("kept"), pid: machine }]);
  killProcess(machine);
  await expect.poll(() => identifyProcess(machine)).toBeUndefined();
  await fixture.open();
  expect(await leftovers(fixture.root)).toEqual([]);
});

test("a machine is only killed when it is the very process that was noted", async () => {
  await using fixture = await storeFixture(openStore);
  const store = await fixture.open();
  const bystander = spawn("sleep", ["1000"], { stdio: "ignore" });
  const identity = await identifyProcess(bystander.pid ?? 0);
  if (identity === undefined) {
    throw new Error("sleep did not start");
  }
  workers.mustEnd(identity.pid);
  const stage = await openStageOn(store, fixture.base, idOf("a"));
  const noted = formatIdentity({ ...identity, startTicks: "1" });
  await writeFile(join(stage.dir, "machine.json"), JSON.stringify({ process: noted }));
  await rename(stage.dir, await deadName(fixture.root, idOf("a")));
  await fixture.open();
  expect(await leftovers(fixture.root)).toEqual([]);
  expect(await identifyProcess(identity.pid)).toEqual(identity);
});

test("several processes may clean up at once", async () => {
  await using fixture = await storeFixture(openStore);
  const store = await fixture.open();
  for (let n = 0; n < 10; n++) {
    const stage = await openStageOn(store, fixture.base, idOf(`${n}`));
    await rename(stage.dir, await deadName(fixture.root, idOf(`${n}`)));
  }
  await Promise.all(Array.from({ length: 8 }, () => fixture.open()));
  expect(await leftovers(fixture.root)).toEqual([]);
});

test("an owner in another container counts as alive until it has been silent for a day", async () => {
  await using fixture = await storeFixture(openStore);
  await fixture.open();
  const self = await identifyProcess(process.pid);
  if (self === undefined) {
    throw new Error("no /proc");
  }
  const owner = `${formatIdentity({ ...self, pidNamespace: "1" })}-00000000`;
  const dir = join(fixture.root, "result-tmp", `${idOf("a")}.${owner}`);
  const file = join(fixture.root, "cache-tmp", `${owner}.tar`);
  await mkdir(dir);
  await writeFile(join(dir, "log"), "");
  await writeFile(file, "");
  await setAge(join(dir, "log"), 1);
  await setAge(dir, 3);
  await setAge(file, 1);
  await fixture.open();
  expect(await leftovers(fixture.root)).toHaveLength(2);
  for (const path of [join(dir, "log"), dir, file]) {
    await setAge(path, 25);
  }
  await fixture.open();
  expect(await leftovers(fixture.root)).toEqual([]);
});

test("what the store did not make is left alone", async () => {
  await using fixture = await storeFixture(openStore);
  await fixture.open();
  for (const dir of ["result-tmp", "cache-tmp"]) {
    await mkdir(join(fixture.root, dir, "lost+found"));
  }
  await fixture.open();
  expect(await leftovers(fixture.root)).toEqual(["lost+found", "lost+found"]);
});

test("a deletion cut short is ended, or undone when the layer is in use", async () => {
  await using fixture = await storeFixture(openStore);
  const store = await fixture.open();
  const [unused, used] = [idOf("unused"), idOf("used")];
  const layer = await makeLayer(store, fixture.base, used);
  await makeLayer(store, fixture.base, unused);
  expectOk(await store.tag("name", used));
  for (const id of [unused, used]) {
    const dead = await deadName(fixture.root, `${id}.deleted`);
    await rename(join(fixture.root, "result", id), dead);
  }
  expect(await store.layers()).toEqual([]);
  const reopened = await fixture.open();
  expect(await reopened.layers()).toEqual([layer]);
  expect(await leftovers(fixture.root)).toEqual([]);
});

test.each([1, 3, 8, 14, 21, 29])(
  "killed after %i things done, a process has lost nothing and left nothing half",
  async (count) => {
    await using fixture = await storeFixture(openStore);
    await fixture.open();
    const worker = await workers.start(fixture, "churn");
    const done = [];
    for (let n = 0; n < count; n++) {
      done.push(await worker.next());
    }
    const all = [...done, ...(await worker.kill())];
    const store = await fixture.open();
    expect(await leftovers(fixture.root)).toEqual([]);
    const ids = (await store.layers()).map(({ id }) => id);
    expect((await readdir(join(fixture.root, "result"))).sort()).toEqual([...ids].sort());
    const deleting = new Set(all.map((event) => event.deleting));
    const promoted = all.map((event) => event.promoted).filter((id) => id !== undefined);
    expect(ids).toEqual(expect.arrayContaining(promoted.filter((id) => !deleting.has(id))));
    for (const layer of await store.layers()) {
      expect(await checkImage(layer.diskPath)).toEqual({ ok: true, value: { kind: "clean" } });
      expect(await readFile(layer.logPath, "utf8")).toMatch(/^([0-9a-f]{200000}|log\n)$/);
    }
    if (all.some((event) => event.tagged !== undefined)) {
      expect(ids).toContain(expectOk(await store.resolveId("last")));
    }
    await using lease = expectOk(await store.cache("churned"));
    if (all.some((event) => event.published !== undefined)) {
      expect(lease.content).toBeDefined();
    }
    const content = await read(lease);
    if (content !== undefined) {
      const digest = createHash("sha256").update(content.slice(64)).digest("hex");
      expect(content.slice(0, 64)).toBe(digest);
      expect(content).toHaveLength(500_064);
    }
  },
);

/** A path in `result-tmp` whose owner had this process's id and has ended. */
async function deadName(root: string, name: string): Promise<string> {
  const owner = (await newOwner()).replace(/^(\d+)-\d+-/, "$1-1-");
  return join(root, "result-tmp", `${name}.${owner}`);
}

async function leftovers(root: string): Promise<readonly string[]> {
  const dirs = ["result-tmp", "cache-tmp", "state/tmp", "state/holds", "state/deleting"];
  return (await Promise.all(dirs.map((dir) => readdir(join(root, dir))))).flat();
}

async function setAge(path: string, hours: number): Promise<void> {
  const time = Date.now() / 1000 - hours * 3600;
  await utimes(path, time, time);
}
