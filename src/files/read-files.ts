/** Files of a disk that is not booted: their list, and their contents. */
import { type FileHandle, open } from "node:fs/promises";
import { posix } from "node:path";
import type { EditFailure } from "../appliance/failure.ts";
import { type DiskRequest, type ReadDisk, readDisk } from "../appliance/read-disk.ts";
import { quoteWord } from "../machine/posix-quote.ts";
import type { Result } from "../result.ts";
import type { TreeFailure } from "../tree/failure.ts";
import { guestTree, type GuestTree } from "../tree/guest-tree.ts";
import { readTarMembers } from "../tree/tar-members.ts";
import {
  type ListedEntry,
  listingBytes,
  listScript,
  parseListing,
  readingFunctions,
} from "./listing.ts";

/** A disk and how to get at it. */
export type FilesRequest = DiskRequest & {
  /** Absolute in the image; a symlink is followed. */
  readonly path: string;
};

/** Lists what is at a path; see `listScript`. */
export function listFiles(
  request: FilesRequest & { readonly recursive: boolean },
): Promise<Result<ReadDisk<readonly ListedEntry[]>, EditFailure>> {
  return readDisk({ ...request, script: listScript(request.path, request) }, async (path) => {
    await using file = await open(path);
    const head = await bytesOf(file, 512);
    return parseListing(await bytesOf(file, listingBytes(head)));
  });
}

/** A path of an image with all below it, as a tar archive on the host. */
export interface FileArchive {
  readonly file: FileHandle;
  readonly tree: GuestTree;
  /** What the path has led to, as it stands in the tree: without its first slash. */
  readonly name: string;
}

/** Gives `use` what is at a path, which goes when that has ended. Rejects with what `use` rejects with. */
export function withFiles<T>(
  request: FilesRequest,
  use: (archive: FileArchive) => Promise<T>,
): Promise<Result<ReadDisk<Result<T, TreeFailure>>, EditFailure>> {
  return readDisk(
    { ...request, script: archiveScript(request.path) },
    async (path): Promise<Result<T, TreeFailure>> => {
      await using file = await open(path);
      const members = await readTarMembers(file);
      if (!members.ok) return members;
      const tree = guestTree(members.value);
      if (!tree.ok) return tree;
      // The path itself is the first, unless it is the root.
      const name = posix.normalize(request.path) === "/" ? "" : (members.value[0]?.path ?? "");
      return { ok: true, value: await use({ file, tree: tree.value, name }) };
    },
  );
}

/** Writes the archive; of the root, without what a boot fills. */
function archiveScript(path: string): string {
  return `${readingFunctions}
place ${quoteWord(path)}
cd /
if [ "$place" = / ]; then
  set --
  for entry in * .[!.]* ..?*; do
    case $entry in dev | proc) continue ;; esac
    if [ -e "$entry" ] || [ -L "$entry" ]; then set -- "$@" "$entry"; fi
  done
else
  set -- "\${place#/}"
fi
tar -c -f /dev/data -- "$@" || fail 'not everything could be read'
sync
`;
}

/** The first bytes of a file on the host. */
export async function bytesOfFile(path: string, length: number): Promise<Buffer> {
  await using file = await open(path);
  return await bytesOf(file, length);
}

async function bytesOf(file: FileHandle, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, 0);
  return buffer.subarray(0, bytesRead);
}
