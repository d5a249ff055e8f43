import { execFile } from "node:child_process";
import { appendFile, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  expectOk,
  idOf,
  makeLayer,
  metadataOf,
  openStageOn,
  storeFixture,
} from "../../test/laws/store-fixture.ts";
import { errorCode } from "./fs-failure.ts";
import { openStore } from "./open-store.ts";
import { convertImage } from "./qemu-img.ts";

const run = promisify(execFile);

/** A small file system that can be filled, or why there is none. */
let dir: string;
let unavailable: string | undefined;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-full-"));
  try {
    await run("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", dir]);
  } catch (error) {
    unavailable = `no tmpfs can be mounted here: ${String(error)}`;
  }
});
afterEach(async () => {
  if (unavailable === undefined) {
    await run("umount", [dir]);
  }
  await rm(dir, { recursive: true, force: true });
});

test("a stage on a full disk fails and leaves nothing", async (context) => {
  context.skip(unavailable !== undefined, unavailable);
  const fixture = await storeFixture(openStore, dir);
  const store = await fixture.open();
  await fill(dir);
  const { signal } = new AbortController();
  const staged = await store.stage({ id: idOf("a"), base: fixture.base, signal });
  expect(staged).toMatchObject({ ok: false, error: { reason: "disk-full" } });
  expect(await readdir(join(fixture.root, "result-tmp"))).toEqual([]);
});

test("a promotion on a full disk fails; what was promoted, tagged and cached stays", async (context) => {
  context.skip(unavailable !== undefined, unavailable);
  const fixture = await storeFixture(openStore, dir);
  const store = await fixture.open();
  const [a, b, c] = [idOf("a"), idOf("b"), idOf("c")];
  const layers = [await makeLayer(store, fixture.base, a), await makeLayer(store, fixture.base, c)];
  expectOk(await store.tag("name", a));
  {
    await using stage = await openStageOn(store, { kind: "layer", id: a }, b);
    await fill(dir);
    expect(await stage.promote(metadataOf(b, a))).toMatchObject({
      error: { reason: "disk-full" },
    });
    expect(await store.tag("name", c)).toMatchObject({ error: { reason: "disk-full" } });
  }
  expect(await store.layers()).toEqual(expect.arrayContaining(layers));
  expect(await store.layer(b)).toBeUndefined();
  expect(await store.tags()).toEqual([{ name: "name", id: a }]);
  expect(await readdir(join(fixture.root, "result-tmp"))).toEqual([]);
  expect(await readdir(join(fixture.root, "state", "tmp"))).toEqual([]);
  await rm(join(dir, "filling"));
  await makeLayer(store, { kind: "layer", id: a }, b);
});

test("a conversion onto a full disk says so", async (context) => {
  context.skip(unavailable !== undefined, unavailable);
  const fixture = await storeFixture(openStore, dir);
  const store = await fixture.open();
  const { diskPath } = await makeLayer(store, fixture.base, idOf("a"));
  await fill(dir);
  const request = { sourcePath: diskPath, sourceFormat: "qcow2", format: "raw" } as const;
  expect(await convertImage({ ...request, path: join(dir, "out") })).toEqual({
    ok: false,
    error: { reason: "disk-full", path: join(dir, "out") },
  });
});

async function fill(dir: string): Promise<void> {
  for (const size of [65536, 4096]) {
    try {
      for (;;) {
        await appendFile(join(dir, "filling"), Buffer.alloc(size));
      }
    } catch (error) {
      expect(errorCode(error)).toBe("ENOSPC");
    }
  }
}
