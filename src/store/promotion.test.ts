import { execFile } from "node:child_process";
import {
  chmod,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import {
  expectOk,
  idOf,
  makeLayer,
  metadataOf,
  openStageOn,
  storeFixture,
} from "../../test/laws/store-fixture.ts";
import { syncPath } from "./durable.ts";
import { openStore } from "./open-store.ts";
import { checkImage } from "./qemu-img.ts";

const run = promisify(execFile);
const a = idOf("a");
const b = idOf("b");

test("a layer consists of a consistent disk, the log and the record, and cannot be written to", async () => {
  await using fixture = await storeFixture(openStore);
  const store = await fixture.open();
  await using stage = await openStageOn(store, fixture.base, a);
  await writeFile(stage.serialLogPath, "boot messages");
  expectOk(await stage.machineStarted(process.pid));
  const layer = expectOk(await stage.promote(metadataOf(a)));
  expect(layer.dir).toBe(join(fixture.root, "result", a));
  expect((await readdir(layer.dir)).sort()).toEqual(["layer.json", "log", "rootfs"]);
  expect(await readdir(join(layer.dir, "rootfs"))).toEqual(["image.qcow2"]);
  expect(await checkImage(layer.diskPath)).toEqual({ ok: true, value: { kind: "clean" } });
  for (const path of [layer.diskPath, layer.logPath, join(layer.dir, "layer.json")]) {
    expect((await stat(path)).mode & 0o777).toBe(0o444);
  }
  expect((await stat(layer.dir)).mode & 0o777).toBe(0o700);
  expect(JSON.parse(await readFile(join(layer.dir, "layer.json"), "utf8"))).toEqual(metadataOf(a));
});

test("files and directories are synced before the rename, the name after it", async () => {
  const steps: string[] = [];
  await using fixture = await storeFixture((root) =>
    openStore(root, {
      sync: async (path) => {
        const promoted = (await readdir(join(root, "result"))).includes(a);
        steps.push(
          `${promoted ? "after" : "before"} ${path.replace(root, "").replace(/[.].*?-[^/]*/, "")}`,
        );
        await syncPath(path);
      },
    }),
  );
  await mkdir(join(fixture.root, "result"), { recursive: true });
  const store = await fixture.open();
  steps.length = 0;
  await makeLayer(store, fixture.base, a);
  expect(steps).toEqual([
    `before /result-tmp/${a}/rootfs/image.qcow2`,
    `before /result-tmp/${a}/log`,
    `before /result-tmp/${a}/layer.json`,
    `before /result-tmp/${a}/rootfs`,
    `before /result-tmp/${a}`,
    "after /result",
  ]);
});

test("a store can be moved: the chain still opens, with its content", async () => {
  await using fixture = await storeFixture(openStore);
  const store = await fixture.open();
  await using stage = await openStageOn(store, fixture.base, a);
  await run("qemu-io", ["-f", "qcow2", "-c", "write -P 0x41 0 64k", stage.diskPath]);
  expectOk(await stage.promote(metadataOf(a)));
  await makeLayer(store, { kind: "layer", id: a }, b);
  const moved = `${fixture.root}-moved`;
  await rename(fixture.root, moved);
  const store2 = expectOk(await openStore(moved));
  const layer = await store2.layer(b);
  const disk = layer?.diskPath ?? "";
  const { stdout } = await run("qemu-img", ["info", "--backing-chain", "--output=json", disk]);
  const chain = JSON.parse(stdout) as { filename: string; "backing-filename"?: string }[];
  expect(chain.map((image) => image["backing-filename"])).toEqual([
    `../../../result/${a}/rootfs/image.qcow2`,
    `../../../base-image/sha256/${fixture.base.kind === "image" ? fixture.base.digest : ""}`,
    undefined,
  ]);
  // 0x42 is the base image's filling.
  const read = [
    "-r",
    "-f",
    "qcow2",
    "-c",
    "read -P 0x41 0 64k",
    "-c",
    "read -P 0x42 64k 64k",
    disk,
  ];
  expect((await run("qemu-io", read)).stdout).not.toContain("Pattern verification failed");
});

test("a damaged disk is not promoted", async () => {
  await using fixture = await storeFixture(openStore);
  const store = await fixture.open();
  {
    await using stage = await openStageOn(store, fixture.base, a);
    await run("qemu-io", ["-f", "qcow2", "-c", "write 0 64k", stage.diskPath]);
    await overwrite(stage.diskPath, await refcountBlock(stage.diskPath), Buffer.alloc(64));
    expect(await stage.promote(metadataOf(a))).toMatchObject({
      ok: false,
      error: { reason: "disk-corrupt", path: stage.diskPath },
    });
  }
  await expectNothingLeft(fixture.root);
});

test("leaked clusters are freed on promotion", async () => {
  await using fixture = await storeFixture(openStore);
  const store = await fixture.open();
  await using stage = await openStageOn(store, fixture.base, a);
  await run("qemu-io", ["-f", "qcow2", "-c", "write 0 64k", stage.diskPath]);
  const clusters = Math.ceil((await stat(stage.diskPath)).size / 65536);
  const block = await refcountBlock(stage.diskPath);
  await truncate(stage.diskPath, (clusters + 1) * 65536);
  await overwrite(stage.diskPath, block + 2 * clusters, Buffer.from([0, 1]));
  expect(await checkImage(stage.diskPath)).toEqual({ ok: true, value: { kind: "leaks" } });
  const layer = expectOk(await stage.promote(metadataOf(a)));
  expect(await checkImage(layer.diskPath)).toEqual({ ok: true, value: { kind: "clean" } });
});

test.each(["ENOSPC", "EDQUOT"])(
  "%s while syncing: the step fails, earlier layers stay",
  async (code) => {
    let full = false;
    await using fixture = await storeFixture((root) =>
      openStore(root, {
        sync: async () => {
          if (full) {
            throw Object.assign(new Error("the disk is full"), { code });
          }
        },
      }),
    );
    const store = await fixture.open();
    const layer = await makeLayer(store, fixture.base, a);
    full = true;
    {
      await using stage = await openStageOn(store, { kind: "layer", id: a }, b);
      expect(await stage.promote(metadataOf(b, a))).toEqual({
        ok: false,
        error: { reason: "disk-full", path: stage.dir },
      });
    }
    expect(await store.tag("x", a)).toMatchObject({ error: { reason: "disk-full" } });
    expect(await store.layers()).toEqual([layer]);
    expect(await store.tags()).toEqual([]);
    expect(await readdir(join(fixture.root, "result-tmp"))).toEqual([]);
    expect(await readdir(join(fixture.root, "state", "tmp"))).toEqual([]);
  },
);

test("a directory that is no layer is not listed, and is not replaced", async () => {
  await using fixture = await storeFixture(openStore);
  const store = await fixture.open();
  const dir = join(fixture.root, "result", a);
  await mkdir(dir);
  await writeFile(join(dir, "layer.json"), JSON.stringify({ ...metadataOf(a), version: 2 }));
  expect(await store.layer(a)).toBeUndefined();
  expect(await store.layers()).toEqual([]);
  await using stage = await openStageOn(store, fixture.base, a);
  expect(await stage.promote(metadataOf(a))).toMatchObject({
    error: { reason: "store-unusable", path: dir },
  });
  expect(await readdir(dir)).toEqual(["layer.json"]);
});

test.each([
  ["its record names another id", "layer.json", JSON.stringify(metadataOf(b))],
  ["its record is torn", "layer.json", JSON.stringify(metadataOf(a)).slice(0, 50)],
  ["its record is missing", "layer.json", undefined],
  ["its disk is missing", "rootfs/image.qcow2", undefined],
])("a directory is no layer when %s", async (_, file, content) => {
  await using fixture = await storeFixture(openStore);
  const store = await fixture.open();
  const { dir } = await makeLayer(store, fixture.base, a);
  const path = join(dir, file);
  await chmod(path, 0o600);
  await (content === undefined ? rm(path) : writeFile(path, content));
  expect(await store.layer(a)).toBeUndefined();
  expect(await store.layers()).toEqual([]);
});

test("a refused deletion does not take the layer away even for an instant", async () => {
  await using fixture = await storeFixture(openStore);
  const store = await fixture.open();
  const { dir } = await makeLayer(store, fixture.base, a);
  await makeLayer(store, { kind: "layer", id: a }, b);
  const { ctimeNs } = await stat(dir, { bigint: true });
  expect(await store.delete(a)).toMatchObject({ error: { reason: "layer-in-use" } });
  expect((await stat(dir, { bigint: true })).ctimeNs).toBe(ctimeNs);
});

test("a stage grows its disk when told to", async () => {
  await using fixture = await storeFixture(openStore);
  const store = await fixture.open();
  const { signal } = new AbortController();
  const request = { id: a, base: fixture.base, diskSizeBytes: 4 << 20, signal };
  await using stage = expectOk(await store.stage(request));
  const { stdout } = await run("qemu-img", ["info", "--output=json", stage.diskPath]);
  expect(JSON.parse(stdout)).toMatchObject({ "virtual-size": 4 << 20 });
});

test("a base image that is gone is said to be", async () => {
  await using fixture = await storeFixture(openStore);
  const store = await fixture.open();
  const base = { kind: "image", digest: "f".repeat(64), format: "raw" } as const;
  const { signal } = new AbortController();
  expect(await store.stage({ id: a, base, signal })).toMatchObject({
    error: { reason: "store-unusable", message: "the base image is not in the store" },
  });
  await expectNothingLeft(fixture.root);
});

async function expectNothingLeft(root: string): Promise<void> {
  expect(await readdir(join(root, "result"))).toEqual([]);
  expect(await readdir(join(root, "result-tmp"))).toEqual([]);
}

/** Where a qcow2 file's first refcount block lies: 16-bit counts, one per cluster. */
async function refcountBlock(path: string): Promise<number> {
  const file = await readFile(path);
  const table = Number(file.readBigUInt64BE(48));
  return Number(file.readBigUInt64BE(table));
}

async function overwrite(path: string, position: number, bytes: Buffer): Promise<void> {
  await using handle = await open(path, "r+");
  await handle.write(bytes, 0, bytes.length, position);
}
