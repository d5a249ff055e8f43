import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  currentBootId,
  fileNames,
  type MachineRecord,
  markFiles,
  readRecord,
  recordName,
} from "./record.ts";

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-record-"));
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function save(changes: Partial<MachineRecord> = {}): Promise<void> {
  const names = fileNames(1, true);
  for (const name of names) await writeFile(join(dir, name), name);
  const record: MachineRecord = {
    version: 1,
    bootId: await currentBootId(),
    fingerprint: { qemuVersion: "7.2.0", program: "p", machine: "m", processor: "", agent: "" },
    files: await markFiles(dir, names),
    parts: 1,
    hasDisk: true,
    baseline: "",
    ...changes,
  };
  await writeFile(join(dir, recordName), JSON.stringify(record));
}

test("a machine is read as it was saved", async () => {
  await save();
  expect(await readRecord(dir)).toMatchObject({ ok: true, value: { parts: 1, hasDisk: true } });
});

test("where nothing was saved there is none", async () => {
  expect(await readRecord(join(dir, "nothing"))).toBeUndefined();
});

test.each<[what: string, change: () => Promise<unknown>, why: string]>([
  ["a file that is cut", () => writeFile(join(dir, "ram-1"), "x"), "ram-1 was changed"],
  ["a file that was written to", () => utimes(join(dir, "devices"), 1, 1), "devices was changed"],
  ["a file that is gone", () => rm(join(dir, "ram-base")), "missing"],
  ["a record that is cut", () => writeFile(join(dir, recordName), '{"version":1,'), "record"],
  ["a later version", () => writeFile(join(dir, recordName), '{"version":2}'), "record"],
  ["another boot of the host", () => save({ bootId: "other" }), "before the host was last started"],
])("%s is told, and not used", async (_, change, why) => {
  await save();
  await change();
  const read = await readRecord(dir);
  expect(read?.ok).toBe(false);
  expect(read?.ok === false && read.error).toContain(why);
});
