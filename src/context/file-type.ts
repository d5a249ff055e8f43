import type { UnsupportedFileType } from "./failure.ts";

/** What `Stats` and `Dirent` of `node:fs` have in common. */
interface HasFileType {
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
  isSocket(): boolean;
  isFIFO(): boolean;
  isBlockDevice(): boolean;
  isCharacterDevice(): boolean;
}

/** The kinds of file that a manifest has. */
export type CopyableFileType = "file" | "directory" | "symlink";

/** The type in words; `isCopyable` tells the ones a manifest has from the rest. */
export function fileType(entry: HasFileType): CopyableFileType | UnsupportedFileType {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "directory";
  if (entry.isSymbolicLink()) return "symlink";
  if (entry.isSocket()) return "socket";
  if (entry.isFIFO()) return "fifo";
  if (entry.isBlockDevice()) return "block device";
  if (entry.isCharacterDevice()) return "character device";
  return "unknown type";
}

/** Whether a manifest can have it. */
export function isCopyable(type: CopyableFileType | UnsupportedFileType): type is CopyableFileType {
  return type === "file" || type === "directory" || type === "symlink";
}
