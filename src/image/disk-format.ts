import { open } from "node:fs/promises";

/** The disk formats a base image may have. */
export type DiskFormat = "qcow2" | "raw";

/**
 * Tells a qcow2 file by its magic (QEMU docs/interop/qcow2.txt); everything else is raw.
 *
 * Done once, when an image is imported, and recorded: a guest can write anything into the first sector
 * of a raw disk, so a disk that has run must never be probed again. Rejects with the system's error.
 */
export async function detectFormat(path: string): Promise<DiskFormat> {
  await using file = await open(path, "r");
  const magic = Buffer.alloc(4);
  const { bytesRead } = await file.read(magic, 0, 4, 0);
  return bytesRead === 4 && magic.equals(Buffer.from([0x51, 0x46, 0x49, 0xfb])) ? "qcow2" : "raw";
}
