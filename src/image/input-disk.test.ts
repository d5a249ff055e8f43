import { mkdtemp, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { exportFormats, type ImageFormat } from "../store/qemu-img-argv.ts";
import { inputDisk } from "./input-disk.ts";

const MiB = 1024 ** 2;
const { signal } = new AbortController();
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-input-disk-"));
  await writeFile(join(dir, "raw"), Buffer.alloc(MiB, "content"));
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

const look = (name: string, declared?: ImageFormat) =>
  inputDisk(
    { path: join(dir, name), name, ...(declared === undefined ? {} : { declared }) },
    signal,
  );

async function qemuImg(...argv: readonly string[]): Promise<void> {
  await execa("qemu-img", argv, { cwd: dir });
}

/** What is wrong with it. */
async function wrong(name: string, declared?: ImageFormat): Promise<string | undefined> {
  const looked = await look(name, declared);
  return !looked.ok && looked.error.reason === "input-unusable" ? looked.error.message : undefined;
}

test.each([...exportFormats, "vpc", "qed"] as const)("%s is told and taken", async (format) => {
  await qemuImg("convert", "-f", "raw", "-O", format, "raw", "disk");
  expect(await look("disk", format)).toMatchObject({ ok: true, value: { format } });
  if (format === "raw") return;
  expect(await look("disk")).toMatchObject({ ok: true, value: { format } });
  const other = format === "qcow2" ? "vmdk" : "qcow2";
  expect(await wrong("disk", other)).toBe(`it is a ${format} image, but said to be ${other}`);
});

describe("a raw disk", () => {
  test("begins as one, or is said to be one", async () => {
    expect(await wrong("raw")).toBe("it is no disk image");
    expect(await look("raw", "raw")).toEqual({
      ok: true,
      value: { format: "raw", sizeBytes: MiB },
    });
    const disk = Buffer.alloc(MiB);
    disk.set([0x55, 0xaa], 510);
    await writeFile(join(dir, "partitioned"), disk);
    expect(await look("partitioned")).toMatchObject({ value: { format: "raw" } });
    await execa("mke2fs", ["-q", "-t", "ext4", "fs", "1M"], { cwd: dir });
    expect(await look("fs")).toMatchObject({ value: { format: "raw" } });
  });
});

describe("what is none", () => {
  test.each<[content: string, declared: ImageFormat | undefined, message: string]>([
    ["", undefined, "it is empty"],
    ["hello\n", undefined, "it is no disk image"],
    ["hello\n", "qcow2", "it is no qcow2 image"],
    ["hello\n", "raw", "it is no disk image: its 6 bytes are not a whole number of sectors of 512"],
    ["\n<html>", undefined, "it is no disk image: it is a web page"],
    ["\u001f\u008b\b", "qcow2", "it is no qcow2 image: it is compressed with gzip"],
    ["\u00fd7zXZ\0", undefined, "it is no disk image: it is compressed with xz"],
    [`${"\0".repeat(257)}ustar`, undefined, "it is no disk image: it is a tar archive"],
    ["# Disk DescriptorFile\n", undefined, "its data is in other files"],
    ["QFI\u00fb", undefined, "Could not open"],
  ])("%j as %s", async (content, declared, message) => {
    await writeFile(join(dir, "x"), content, "latin1");
    expect(await wrong("x", declared)).toContain(message);
  });

  test("is missing, or a directory", async () => {
    expect(await wrong("none")).toBe("there is no such file");
    expect(await wrong(".")).toBe("it is a directory, not a regular file");
  });

  test("is on another file, or has its data there", async () => {
    await qemuImg("create", "-q", "-f", "qcow2", "-b", "/etc/passwd", "-F", "raw", "over", "1M");
    expect(await wrong("over")).toBe("it is an overlay on /etc/passwd");
    await qemuImg("create", "-q", "-f", "qcow2", "-o", "data_file=data", "split", "1M");
    expect(await wrong("split")).toBe("its data is in another file, data");
  });

  test.each(["qcow2", "vmdk"])("is a %s whose end is missing", async (format) => {
    // What is missing would be read as zeros.
    await qemuImg("convert", "-f", "raw", "-O", format, "raw", "disk");
    const { size } = await stat(join(dir, "disk"));
    await truncate(join(dir, "disk"), size - 600_000);
    expect(await wrong("disk")).toMatch(/damaged, or its end is missing|Could not open/);
    expect(await readdir(dir)).toHaveLength(2);
  });
});
