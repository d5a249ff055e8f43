/** Disks that users name, to be converted: what they are, and whether they are disks at all. */
import type { FileHandle } from "node:fs/promises";
import { failed, ok, type Result } from "../result.ts";
import { attempt } from "../store/fs-failure.ts";
import { imageInfo } from "../store/qemu-img.ts";
import type { ImageFormat } from "../store/qemu-img-argv.ts";
import { openRegularFile } from "../store/regular-file.ts";
import { diskDamage } from "./disk-damage.ts";
import { detectFormat, type FoundFormat } from "./disk-format.ts";
import type { ImageFailure } from "./failure.ts";

export interface InputDisk {
  readonly format: ImageFormat;
  /** Size of the disk a guest sees. */
  readonly sizeBytes: number;
}

const SECTOR_BYTES = 512;
/** Up to the superblock of btrfs. */
const HEAD_BYTES = 0x10100;

const driverOf: Readonly<Record<string, ImageFormat>> = {
  VMDK: "vmdk",
  VHDX: "vhdx",
  VHD: "vpc",
  VDI: "vdi",
  QED: "qed",
};

/** What raw disks and bare file systems have somewhere at their beginning. */
const diskMarks: readonly (readonly [offset: number, mark: string])[] = [
  [510, "\u0055\u00aa"],
  [512, "EFI PART"],
  [4096, "EFI PART"],
  [0x438, "\u0053\u00ef"],
  [0, "XFSB"],
  [0x8001, "CD001"],
  [0x10040, "_BHRfS_M"],
];

/** What is often found instead of a disk, and what unpacks it. */
const packedMarks: readonly (readonly [offset: number, mark: string, what: string, how: string])[] =
  [
    [0, "\u001f\u008b", "it is compressed with gzip", "gunzip"],
    [0, "\u00fd7zXZ\0", "it is compressed with xz", "unxz"],
    [0, "\u0028\u00b5\u002f\u00fd", "it is compressed with zstd", "unzstd"],
    [0, "BZh", "it is compressed with bzip2", "bunzip2"],
    [0, "PK\u0003\u0004", "it is a zip archive", "unzip"],
    [257, "ustar", "it is a tar archive", "tar -xf"],
  ];

const unmarked = "say `format: raw` in its input if it is a raw disk";

/**
 * What a disk is. Its format is the declared one, which its first bytes must not deny, or the one that they tell: a raw
 * disk is one that begins as disks and file systems do. Refused are images whose data is also in other files, since
 * those could be any of this host's.
 *
 * @param name what messages call it
 */
export async function inputDisk(
  { path, name, declared }: { path: string; name: string; declared?: ImageFormat },
  signal: AbortSignal,
): Promise<Result<InputDisk, ImageFailure>> {
  const unusable = (message: string, hint?: string): Result<never, ImageFailure> =>
    failed({ reason: "input-unusable", name, message, ...(hint === undefined ? {} : { hint }) });
  const looked = await lookAt(path);
  if (!looked.ok)
    return looked.error.reason === "unreadable"
      ? unusable(looked.error.message)
      : failed(looked.error);
  const { found, head, fileBytes } = looked.value;
  if (fileBytes === 0) return unusable("it is empty");
  const marked = typeof found === "object" ? driverOf[found.foreign] : found;
  if (marked === undefined) throw new Error("Internal error: a format without a driver");
  if (declared !== undefined && marked !== "raw" && marked !== declared) {
    return unusable(`it is a ${marked} image, but said to be ${declared}`);
  }
  // A fixed VHD has its mark at its end.
  const isDisk = marked !== "raw" || declared === "raw" || declared === "vpc";
  if (!isDisk && (declared !== undefined || !hasMark(head))) {
    const what = `it is no ${declared ?? "disk"} image`;
    const packed = packedMarks.find(([offset, mark]) => head.startsWith(mark, offset));
    if (packed !== undefined) return unusable(`${what}: ${packed[2]}`, `unpack it: ${packed[3]}`);
    if (/^\s*<(?:!doctype html|html)/i.test(head)) return unusable(`${what}: it is a web page`);
    return unusable(what, declared === undefined ? unmarked : undefined);
  }
  const format = declared ?? marked;
  if (format === "raw" && fileBytes % SECTOR_BYTES !== 0) {
    return unusable(
      `it is no disk image: its ${fileBytes} bytes are not a whole number of sectors of ${SECTOR_BYTES}`,
    );
  }
  if (format === "vmdk" && head.startsWith("# Disk DescriptorFile")) {
    return unusable("its data is in other files", "make it one file: qemu-img convert -O qcow2");
  }
  const info = await imageInfo(path, format, signal);
  if (!info.ok) {
    return info.error.reason === "qemu-img-failed" ? unusable(info.error.stderr) : info;
  }
  const { backingPath, dataPath, corrupt, virtualSizeBytes } = info.value;
  const flatten = "make it one file: qemu-img convert -O qcow2";
  if (backingPath !== undefined) return unusable(`it is an overlay on ${backingPath}`, flatten);
  if (dataPath !== undefined) return unusable(`its data is in another file, ${dataPath}`, flatten);
  if (corrupt) return unusable("it is marked as corrupt", "repair it: qemu-img check -r all");
  if (virtualSizeBytes === 0) return unusable("it is empty");
  const damage = await diskDamage(path, format, signal);
  if (!damage.ok) return damage;
  if (damage.value !== undefined) {
    return unusable(`it is damaged, or its end is missing: ${damage.value}`);
  }
  return ok({ format, sizeBytes: virtualSizeBytes });
}

interface Look {
  readonly found: FoundFormat;
  /** The first bytes, one a character. */
  readonly head: string;
  readonly fileBytes: number;
}

async function lookAt(
  path: string,
): Promise<
  Result<Look, { readonly reason: "unreadable"; readonly message: string } | ImageFailure>
> {
  const opened = await openRegularFile(path);
  if (!opened.ok) return failed({ reason: "unreadable", message: opened.error.message });
  await using file = opened.value;
  return await attempt(path, async () => ({
    found: await detectFormat(file),
    head: await headOf(file),
    fileBytes: (await file.stat()).size,
  }));
}

async function headOf(file: FileHandle): Promise<string> {
  const head = Buffer.alloc(HEAD_BYTES);
  const { bytesRead } = await file.read(head, 0, head.length, 0);
  return head.toString("latin1", 0, bytesRead);
}

function hasMark(head: string): boolean {
  return diskMarks.some(([offset, mark]) => head.startsWith(mark, offset));
}
