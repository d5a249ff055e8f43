import { readdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BuildRig } from "../../test/support/build-rig.ts";
import { findFailedLog, keepFailedLog, readFailure, writeFailure } from "./failed-log.ts";
import { storeLayout } from "./layout.ts";

test("a failed step's log is found by a prefix that is long enough and unique", async () => {
  await using rig = await BuildRig.create();
  const layout = storeLayout(rig.store.root);
  for (const id of ["abcd1111", "abcd2222"]) {
    await writeFile(join(rig.dir, "log"), id);
    expect((await keepFailedLog(layout, id, join(rig.dir, "log"))).ok).toBe(true);
  }
  expect(await findFailedLog(layout, "ABCD1")).toEqual({
    ok: true,
    value: join(layout.failedLogDir, "abcd1111"),
  });
  expect(await findFailedLog(layout, "abcd")).toMatchObject({ error: { reason: "id-ambiguous" } });
  expect(await findFailedLog(layout, "abc")).toMatchObject({ error: { reason: "id-unknown" } });
});

test("only the latest fifty are kept", async () => {
  await using rig = await BuildRig.create();
  const layout = storeLayout(rig.store.root);
  for (let count = 0; count < 52; count++) {
    await writeFile(join(rig.dir, "log"), "");
    await utimes(join(rig.dir, "log"), count, count);
    const id = `id${String(count).padStart(2, "0")}`;
    await writeFailure(layout, id, join(rig.dir, "stage"), { count });
    await keepFailedLog(layout, id, join(rig.dir, "log"));
  }
  const kept = (await readdir(layout.failedLogDir)).sort();
  expect(kept).toHaveLength(100);
  expect(kept.slice(0, 2)).toEqual(["id02", "id02.json"]);
});

test("a record is that of one stage, and a torn one is none", async () => {
  await using rig = await BuildRig.create();
  const layout = storeLayout(rig.store.root);
  const [stage, other] = [join(rig.dir, "stage"), join(rig.dir, "other")];
  expect(await readFailure(layout, "abcd1111", stage)).toBeUndefined();
  await writeFailure(layout, "abcd1111", stage, { exitCode: 3 });
  expect(await readFailure(layout, "abcd1111", stage)).toEqual({ record: { exitCode: 3 } });
  expect(await readFailure(layout, "abcd1111", other)).toBeUndefined();
  await writeFile(`${layout.failedLog("abcd1111")}.json`, '{"stage":"sta');
  expect(await readFailure(layout, "abcd1111", stage)).toBeUndefined();
  expect(await findFailedLog(layout, "abcd1111")).toMatchObject({ ok: false });
});
