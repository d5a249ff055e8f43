import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkDisk } from "./check-disk.ts";

let dir: string;
let path: string;
const { signal } = new AbortController();

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-disk-"));
  path = join(dir, "disk");
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

test("a raw disk is a whole number of sectors of anything", async () => {
  await writeFile(path, "not a boot sector, but who knows");
  await truncate(path, 1024);
  expect(await checkDisk(path, signal)).toEqual({ ok: true, value: "raw" });
});

test.each([
  ["nothing", 0, "it is empty"],
  ["a text", 3, "its 3 bytes are not a whole number of sectors of 512"],
  ["a cut disk", 1025, "its 1025 bytes are not a whole number of sectors of 512"],
])("%s is no disk", async (_, sizeBytes, message) => {
  await writeFile(path, "");
  await truncate(path, sizeBytes);
  expect(await checkDisk(path, signal)).toMatchObject({
    error: {
      reason: "base-unusable",
      path,
      message: expect.stringContaining(message) as unknown,
      hint: "give a qcow2 or raw disk image",
    },
  });
});

test.each(["vmdk", "vhdx", "vpc", "vdi", "qed"])("a real %s is to be converted", async (format) => {
  await execa("qemu-img", ["create", "-q", "-f", format, path, "1M"]);
  const name = format === "vpc" ? "VHD" : format.toUpperCase();
  expect(await checkDisk(path, signal)).toMatchObject({
    error: {
      message: `it is a ${name} image`,
      hint: `convert it: qemu-img convert -O qcow2 ${path} flat.qcow2`,
    },
  });
});

test("a vmdk's description is one too", async () => {
  await writeFile(path, "# Disk DescriptorFile\nversion=1\n");
  expect(await checkDisk(path, signal)).toMatchObject({ error: { message: "it is a VMDK image" } });
});
