import { readdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BuildRig } from "../../test/support/build-rig.ts";
import { findFailedLog, keepFailedLog } from "./failed-log.ts";
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
    await keepFailedLog(layout, `id${String(count).padStart(2, "0")}`, join(rig.dir, "log"));
  }
  const kept = (await readdir(layout.failedLogDir)).sort();
  expect(kept).toHaveLength(50);
  expect(kept[0]).toBe("id02");
});
