import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readSystemChoice } from "./system-choice.ts";

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-choice-"));
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function put(content: string | Buffer): Promise<string> {
  const path = join(dir, "key");
  await writeFile(path, content);
  return path;
}

test("nothing that was asked for is no choice", async () => {
  expect(await readSystemChoice({})).toBeUndefined();
});

test("a line break at a passphrase's end may belong to it, or not", async () => {
  const path = await put("secret\n");
  expect(
    await readSystemChoice({ root: "UUID=1234-abcd", key: [`/dev/sda2:file:${path}`] }),
  ).toEqual({
    root: "UUID=1234-abcd",
    keys: [
      { volume: "/dev/sda2", key: Buffer.from("secret") },
      { volume: "/dev/sda2", key: Buffer.from("secret\n") },
    ],
  });
});

test("a key may have colons", async () => {
  expect(await readSystemChoice({ key: ["all:key:a:b"] })).toEqual({
    root: undefined,
    keys: [{ volume: "all", key: Buffer.from("a:b") }],
  });
});

test.each<[key: string, message: string]>([
  ["nonsense", "--key nonsense: this is not VOLUME:file:PATH"],
  ["all:Key:secret", "--key all:…: this is not VOLUME:file:PATH"],
  ["all:file:/nowhere/key", "there is no file /nowhere/key"],
])("%s is told, and no key with it", async (key, message) => {
  await expect(readSystemChoice({ key: [key] })).rejects.toMatchObject({ message });
});

test.each<[what: string, content: Buffer, message: string]>([
  ["an empty file", Buffer.alloc(0), "is no key: it is empty"],
  ["a disk image", Buffer.alloc(70_000, 1), "is no key: it has more than 64 KiB"],
])("%s is told", async (_, content, message) => {
  const path = await put(content);
  await expect(readSystemChoice({ key: [`all:file:${path}`] })).rejects.toMatchObject({
    message: `${path} ${message}`,
  });
});

test("a name that no volume has is told", async () => {
  await expect(readSystemChoice({ root: "a b;c" })).rejects.toMatchObject({
    message: "--root a b;c: this names no volume",
  });
});
