/** What files take on the disk, hard links told apart from copies. */
import { type Dirent, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { errorCode } from "./fs-failure.ts";

/** One name of a file. */
export interface StoredFile {
  readonly inode: number;
  /** Allocated, not apparent. */
  readonly bytes: number;
  /** How many names the file has, here and elsewhere. */
  readonly links: number;
}

/** The file at `path`, followed by none when there is nothing. Throws what the file system throws otherwise. */
export function storedFile(path: string): readonly StoredFile[] {
  const status = statSync(path, { throwIfNoEntry: false });
  return status === undefined || status.isDirectory()
    ? []
    : [{ inode: status.ino, bytes: status.blocks * 512, links: status.nlink }];
}

/** Every file below `dir`; what goes while it is looked at is left out. */
export function filesBelow(dir: string): readonly StoredFile[] {
  return entriesOf(dir).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return entry.isFile() ? storedFile(path) : [];
  });
}

/** When the directory or file was last written to, in milliseconds; undefined when there is none. */
export function writtenAtMs(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}

/** Bytes on the disk; a file counts once whatever names it has. */
export function bytesOf(files: Iterable<StoredFile>): number {
  const seen = new Set<number>();
  let total = 0;
  for (const { inode, bytes } of files) {
    if (seen.has(inode)) continue;
    seen.add(inode);
    total += bytes;
  }
  return total;
}

function entriesOf(dir: string): readonly Dirent[] {
  try {
    return readdirSync(dir, { withFileTypes: true });
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
}
