/**
 * Files of a guest on the host, where nothing that the guest says may do harm.
 */
import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { lstat, mkdir, readdir, rename, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { TreeEntry } from "./guest-tree.ts";
import { below, fileContent } from "./tree-tar.ts";

/** What stands in the way of a name on the host, in words, or undefined. Rejects with the system's error. */
export async function inTheWay(path: string): Promise<string | undefined> {
  const stats = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (stats === undefined || stats.isFile() || stats.isSymbolicLink()) return undefined;
  if (!stats.isDirectory()) return "it is a device, a FIFO or a socket";
  return (await readdir(path)).length === 0 ? undefined : "the directory there is not empty";
}

/**
 * Writes the first entry, with what of it lies below, to `target`, whose directory is there. It appears there in one
 * step, in place of a file, a symlink or an empty directory.
 *
 * Everything is made below a directory that nobody else has, entries only where their parents were made as
 * directories, and symlinks last, so that nothing is written through one. Files and directories are the caller's, with
 * the modes of new ones; of a file's own mode only the execute bits count. Rejects with the system's error, and leaves
 * nothing behind then.
 *
 * @param fd the archive that the entries' offsets are of
 */
export async function unpack(
  fd: number,
  entries: readonly TreeEntry[],
  target: string,
  signal: AbortSignal,
): Promise<void> {
  const source = entries[0]?.path ?? "";
  const staging = join(dirname(target), `.vmbuild-${randomBytes(6).toString("hex")}`);
  await mkdir(staging, { mode: 0o700 });
  try {
    const staged = join(staging, "files");
    const place = ({ path }: TreeEntry) => join(staged, below(source, path));
    for (const entry of entries) {
      signal.throwIfAborted();
      if (entry.kind === "directory") await mkdir(place(entry));
      if (entry.kind === "file") {
        const mode = (entry.mode & 0o111) === 0 ? 0o666 : 0o777;
        const file = createWriteStream(place(entry), { flags: "wx", mode });
        const content = Readable.from(fileContent(fd, entry), { objectMode: false });
        await pipeline(content, file, { signal });
      }
    }
    for (const entry of entries) {
      if (entry.kind === "symlink") await symlink(entry.linkTarget, place(entry));
    }
    await rename(staged, target);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}
