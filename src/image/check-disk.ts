import { failed, ok, type Result } from "../result.ts";
import { attempt } from "../store/fs-failure.ts";
import { imageInfo } from "../store/qemu-img.ts";
import { openRegularFile } from "../store/regular-file.ts";
import type { DiskFormat } from "../store/qemu-img-argv.ts";
import { detectFormat, type FoundFormat } from "./disk-format.ts";
import type { ImageFailure } from "./failure.ts";

/** Disks consist of sectors of this size. */
const SECTOR_BYTES = 512;

const expected = "give a qcow2 or raw disk image";

/** Tells the disk's format, or why nothing can be layered on it. */
export async function checkDisk(
  path: string,
  signal: AbortSignal,
): Promise<Result<DiskFormat, ImageFailure>> {
  const looked = await lookAt(path);
  if (!looked.ok) return looked;
  const { format, sizeBytes } = looked.value;
  const unusable = (message: string, hint: string): Result<DiskFormat, ImageFailure> =>
    failed({ reason: "base-unusable", path, message, hint });
  const convert = `qemu-img convert -O qcow2 ${path} flat.qcow2`;
  if (typeof format === "object") {
    return unusable(`it is a ${format.foreign} image`, `convert it: ${convert}`);
  }
  if (sizeBytes === 0) return unusable("it is empty", expected);
  if (format === "raw" && sizeBytes % SECTOR_BYTES !== 0) {
    const why = `its ${sizeBytes} bytes are not a whole number of sectors of ${SECTOR_BYTES}`;
    return unusable(`it is no disk image: ${why}`, expected);
  }
  const info = await imageInfo(path, format, signal);
  if (!info.ok) {
    return info.error.reason === "qemu-img-failed" ? unusable(info.error.stderr, expected) : info;
  }
  const { backingPath, dataPath, corrupt, virtualSizeBytes } = info.value;
  if (backingPath !== undefined) {
    return unusable(`it is an overlay on ${backingPath}`, `make it one file: ${convert}`);
  }
  if (dataPath !== undefined) {
    return unusable(`its data is in another file, ${dataPath}`, `make it one file: ${convert}`);
  }
  if (corrupt) return unusable("it is marked as corrupt", "repair it: qemu-img check -r all");
  if (virtualSizeBytes === 0) return unusable("it is empty", expected);
  return ok(format);
}

async function lookAt(
  path: string,
): Promise<Result<{ readonly format: FoundFormat; readonly sizeBytes: number }, ImageFailure>> {
  const opened = await openRegularFile(path);
  if (!opened.ok) {
    const { message } = opened.error;
    return failed({ reason: "base-unusable", path, message, hint: expected });
  }
  await using file = opened.value;
  return await attempt(path, async () => ({
    format: await detectFormat(file),
    sizeBytes: (await file.stat()).size,
  }));
}
