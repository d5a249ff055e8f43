import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { pinMachine } from "./pin-machine.ts";
import { currentBootId, fileNames, markFiles, type MachineRecord, recordName } from "./record.ts";

let root: string;
const work = () => join(root, "work");

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "vmbuild-pin-"));
});

afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

/** A machine with a disk, every file of which says `text`. */
async function machine(name: string, text: string): Promise<string> {
  const dir = join(root, name);
  await mkdir(dir);
  const names = fileNames(1, true);
  for (const file of names) await writeFile(join(dir, file), text);
  const record: MachineRecord = {
    version: 1,
    bootId: await currentBootId(),
    fingerprint: {} as MachineRecord["fingerprint"],
    files: await markFiles(dir, names),
    parts: 1,
    hasDisk: true,
    baseline: text,
  };
  await writeFile(join(dir, recordName), JSON.stringify(record));
  return dir;
}

test("a pinned machine stays as it is when another is put into its place, and until it is disposed of", async () => {
  const dir = await machine("machine", "first");
  const pinned = await pinMachine(dir, work());
  if (pinned?.ok !== true) throw new Error("not pinned");
  await rm(dir, { recursive: true });
  await rename(await machine("other", "second"), dir);
  expect(pinned.value.record.baseline).toBe("first");
  expect(pinned.value.savedIn).toBe(dir);
  for (const name of fileNames(1, true)) {
    expect(await readFile(join(pinned.value.dir, name), "utf8")).toBe("first");
  }
  await pinned.value[Symbol.asyncDispose]();
  expect(await readdir(work())).toEqual([]);
  expect(await readFile(join(dir, "ram-base"), "utf8")).toBe("second");
});

test("files of two machines are never pinned as one", async () => {
  const dir = await machine("machine", "first");
  const other = await machine("other", "second");
  await rename(join(other, "disk.qcow2"), join(dir, "disk.qcow2"));
  expect(await pinMachine(dir, work())).toEqual({
    ok: false,
    error: "its file disk.qcow2 was changed",
  });
  await rm(join(dir, "devices"));
  const missing = await pinMachine(dir, work());
  expect(missing?.ok === false && missing.error).toMatch(/^a file of it is missing: /);
  expect(await pinMachine(join(root, "none"), work())).toBeUndefined();
  expect(await readdir(root)).not.toContain("work");
});

test("a machine that is replaced again and again is pinned whole, or told as missing", async () => {
  const dir = await machine("machine", "0");
  const over = new AbortController();
  const replacing = (async () => {
    for (let number = 1; !over.signal.aborted; number++) {
      const next = await machine("next", `${number}`);
      await rename(dir, join(root, "gone"));
      await rename(next, dir);
      await rm(join(root, "gone"), { recursive: true });
    }
  })();
  let whole = 0;
  for (let round = 0; round < 50; round++) {
    const pinned = await pinMachine(dir, work());
    if (pinned?.ok !== true) continue;
    const texts = await Promise.all(
      fileNames(1, true).map((name) => readFile(join(pinned.value.dir, name), "utf8")),
    );
    expect(new Set([...texts, pinned.value.record.baseline]).size).toBe(1);
    whole += 1;
    await pinned.value[Symbol.asyncDispose]();
  }
  over.abort();
  await replacing;
  expect(whole).toBeGreaterThan(0);
  expect(await readdir(work())).toEqual([]);
});
