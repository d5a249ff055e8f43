import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { expect, test } from "vitest";
import { expectOk, storeFixture } from "../../test/laws/store-fixture.ts";
import { openStore } from "./open-store.ts";

test("a store is made where there is none, for its user alone", async () => {
  await using fixture = await storeFixture(openStore);
  const deep = join(fixture.root, "a", "b");
  expect(expectOk(await openStore(deep)).root).toBe(deep);
  expect((await readdir(deep)).sort()).toEqual([
    "base-image",
    "cache",
    "cache-tmp",
    "result",
    "result-tmp",
    "state",
  ]);
  for (const dir of ["", "base-image/sha256", "cache", "result", "state/ssh"]) {
    expect((await stat(join(deep, dir))).mode & 0o777).toBe(0o700);
  }
  expectOk(await openStore(deep));
});

test("a relative path counts from the current directory", async () => {
  await using fixture = await storeFixture(openStore);
  await mkdir(fixture.root);
  const before = process.cwd();
  process.chdir(dirname(fixture.root));
  try {
    expect(expectOk(await openStore(`./${basename(fixture.root)}/`)).root).toBe(fixture.root);
  } finally {
    process.chdir(before);
  }
});

test.each(["", "/below"])("a file in the way is told: FILE%s", async (below) => {
  await using fixture = await storeFixture(openStore);
  await writeFile(fixture.root, "");
  expect(await openStore(fixture.root + below)).toMatchObject({
    error: {
      reason: "store-unusable",
      path: fixture.root + below,
      hint: expect.stringContaining("A file stands where") as string,
    },
  });
});

test("a directory nobody can write to is told", async () => {
  // Not even root can make a directory here.
  expect(await openStore("/proc/vmbuild")).toMatchObject({
    error: { reason: "store-unusable", path: "/proc/vmbuild" },
  });
});

test("a cancelled opening touches nothing", async () => {
  await using fixture = await storeFixture(openStore);
  expect(await openStore(fixture.root, { signal: AbortSignal.abort() })).toEqual({
    ok: false,
    error: { reason: "cancelled" },
  });
  await expect(stat(fixture.root)).rejects.toThrow("ENOENT");
});
