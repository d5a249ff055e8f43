import type { FileHandle } from "node:fs/promises";
import type { DiskFormat } from "../store/qemu-img-argv.ts";

/** What a file's first bytes say: a format we build on, or the name of one that has to be converted. */
export type FoundFormat = DiskFormat | { readonly foreign: string };

/**
 * What the formats begin with (QEMU docs/interop/qcow2.txt and block/*.c). A raw disk has no mark of
 * its own: it is what nothing else is.
 */
const marks: readonly (readonly [FoundFormat, offset: number, mark: string])[] = [
  ["qcow2", 0, "QFI\u00fb"],
  [{ foreign: "VMDK" }, 0, "KDMV"],
  [{ foreign: "VMDK" }, 0, "COWD"],
  [{ foreign: "VMDK" }, 0, "# Disk DescriptorFile"],
  [{ foreign: "VHDX" }, 0, "vhdxfile"],
  [{ foreign: "VHD" }, 0, "conectix"],
  [{ foreign: "VDI" }, 0x40, "\u007f\u0010\u00da\u00be"],
  [{ foreign: "QED" }, 0, "QED\0"],
];

/**
 * Tells the format of a disk image.
 *
 * Done once, when an image is imported, and recorded: a guest can write anything into the first sector
 * of a raw disk, so a disk that has run must never be probed again. Rejects with the system's error.
 */
export async function detectFormat(file: FileHandle): Promise<FoundFormat> {
  const head = Buffer.alloc(128);
  await file.read(head, 0, head.length, 0);
  const text = head.toString("latin1");
  return marks.find(([, offset, mark]) => text.startsWith(mark, offset))?.[0] ?? "raw";
}
