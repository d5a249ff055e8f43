import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type ExportFormat, exportFormats } from "../store/qemu-img-argv.ts";
import { formatOfName } from "./export-format.ts";
import { exportImage, type ExportRequest } from "./export-image.ts";

let dir: string;
let disk: string;
const { signal } = new AbortController();

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-export-"));
  await writeFile(join(dir, "base"), Buffer.alloc(4 << 20, "B"));
  disk = join(dir, "disk");
  const overlay = ["-f", "qcow2", "-b", join(dir, "base"), "-F", "raw", disk];
  await execa("qemu-img", ["create", "-q", ...overlay]);
  await execa("qemu-io", ["-f", "qcow2", "-c", "write -P 0x41 0 1M", disk]);
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

function exported(name: string, more: Partial<ExportRequest> = {}) {
  const format = formatOfName(name);
  if (format === undefined) throw new Error(`${name} has no format`);
  return exportImage({ diskPath: disk, path: join(dir, name), format, signal, ...more });
}

test.each(exportFormats)("%s is written flat, and holds what the disk does", async (format) => {
  const name = `new.${format}`;
  expect(await exported(name)).toEqual({ ok: true, value: undefined });
  const { stdout } = await execa("qemu-img", [
    "info",
    "--output=json",
    "-f",
    format,
    join(dir, name),
  ]);
  expect(JSON.parse(stdout)).not.toHaveProperty("backing-filename");
  await execa("qemu-img", ["compare", "-f", "qcow2", "-F", format, disk, join(dir, name)]);
  expect((await readdir(dir)).sort()).toEqual(["base", "disk", name]);
});

test.each<[string, ExportFormat | undefined]>([
  ["a.qcow2", "qcow2"],
  ["a.img", "raw"],
  ["a.b.vhdx", "vhdx"],
  ["a.vhd", undefined],
  ["qcow2", undefined],
])("the name %s asks for %s", (name, format) => {
  expect(formatOfName(name)).toBe(format);
});

test.each(["zstd", "zlib"] as const)("%s makes it smaller", async (compress) => {
  await exported("plain.qcow2");
  expect(await exported("small.qcow2", { compress, threads: 2 })).toMatchObject({ ok: true });
  const [plain, small] = await Promise.all(
    ["plain.qcow2", "small.qcow2"].map((name) => stat(join(dir, name))),
  );
  expect(small?.size).toBeLessThan((plain?.size ?? 0) / 4);
  await execa("qemu-img", ["compare", "-f", "qcow2", disk, join(dir, "small.qcow2")]);
});

test("sums are as sha256sum checks them, and those of others stay", async () => {
  const other = `${"0".repeat(64)}  other\n`;
  await writeFile(join(dir, "SHA256SUMS"), other);
  for (const name of ["a.qcow2", "b.raw", "a.qcow2"]) await exported(name, { sums: true });
  const text = await readFile(join(dir, "SHA256SUMS"), "utf8");
  expect(text).toMatch(/^0{64} {2}other\n[0-9a-f]{64} {2}a\.qcow2\n[0-9a-f]{64} {2}b\.raw\n$/);
  await rm(join(dir, "SHA256SUMS"));
  await writeFile(join(dir, "SHA256SUMS"), text.replace(other, ""));
  const checked = await execa("sha256sum", ["-c", "SHA256SUMS"], { cwd: dir });
  expect(checked.stdout).toBe("a.qcow2: OK\nb.raw: OK");
});

test("sums of images that are written at once are all there", async () => {
  const names = ["a.raw", "b.raw", "c.raw", "d.raw"];
  await Promise.all(names.map((name) => exported(name, { sums: true })));
  const checked = await execa("sha256sum", ["-c", "SHA256SUMS"], { cwd: dir });
  expect(checked.stdout.split("\n").sort()).toEqual(names.map((name) => `${name}: OK`));
});

test("an image cannot have the name of its own sums", async () => {
  const path = join(dir, "SHA256SUMS");
  const request = { diskPath: disk, path, format: "raw", signal, sums: true } as const;
  expect(await exportImage(request)).toMatchObject({
    error: { reason: "export-target-unusable", message: "its own sum would take its place" },
  });
});

test("one that is cancelled leaves the old image and its sum", async () => {
  await writeFile(join(dir, "a.raw"), "old");
  await writeFile(join(dir, "SHA256SUMS"), "old sums\n");
  const controller = new AbortController();
  const cancelled = await exported("a.raw", {
    sums: true,
    signal: controller.signal,
    onProgress: () => controller.abort(),
  });
  expect(cancelled).toEqual({ ok: false, error: { reason: "cancelled" } });
  expect(await readFile(join(dir, "a.raw"), "utf8")).toBe("old");
  expect(await readFile(join(dir, "SHA256SUMS"), "utf8")).toBe("old sums\n");
  expect((await readdir(dir)).sort()).toEqual(["SHA256SUMS", "a.raw", "base", "disk"]);
});
