/**
 * Files of one guest as an archive for another: members under new names, with what they contain taken from the
 * first guest's archive.
 */
import { read } from "node:fs";
import { addAbortSignal, Readable } from "node:stream";
import { promisify } from "node:util";
import type { ContextFailure } from "../context/failure.ts";
import { type TarEntry, tarEntries } from "../context/tar-entries.ts";
import { tarEnd, tarHeader, tarPadding } from "../context/tar-header.ts";
import { type ManifestTar, TAR_MTIME, tarName } from "../context/tar-stream.ts";
import type { ManifestEntry } from "../plan/manifest.ts";
import type { CopyItem } from "../plan/step.ts";
import { failed, ok, type Result } from "../result.ts";
import type { TreeEntry } from "./guest-tree.ts";
import { blockBytes } from "./tar-header-block.ts";

/** Some entries of a tree, the first of which gets a path of its own in another guest. */
export interface PlacedTree {
  /** One entry and what of it lies below, parents first. */
  readonly entries: readonly TreeEntry[];
  /** Absolute path of the first entry. */
  readonly destination: string;
}

export interface TreeTarOptions {
  /** Owner of directories that have to be made above destinations; of everything, unless it is root. */
  readonly uid: number;
  readonly gid: number;
  /** The directories to be made, by absolute path, as in `ManifestTarOptions`. */
  readonly directories: ReadonlySet<string>;
  readonly signal: AbortSignal;
}

/** As items of a copy. Contents have no digests: the layer they come from is named by its id. */
export function treeItems(trees: readonly PlacedTree[]): readonly CopyItem[] {
  return trees.map(({ entries, destination }) => {
    const source = entries[0]?.path ?? "";
    return {
      manifest: {
        source,
        entries: entries.map((entry) => manifestEntry(entry, below(source, entry.path))),
        digest: "",
      },
      destination,
    };
  });
}

function manifestEntry(entry: TreeEntry, path: string): ManifestEntry {
  switch (entry.kind) {
    case "directory":
      return { kind: "directory", path };
    case "symlink":
      return { kind: "symlink", path, target: entry.linkTarget };
    case "file": {
      const executable = (entry.mode & 0o111) !== 0;
      return { kind: "file", path, sizeBytes: entry.sizeBytes, executable, digest: "" };
    }
    case "special":
      throw new Error(`Internal error: ${entry.path} has no content to copy`);
  }
}

/** The path of an entry below another; `""` for that itself. */
export function below(source: string, path: string): string {
  return source === "" ? path : path.slice(source.length + 1);
}

/**
 * Streams the trees as an archive, with modes as they are. Owners are kept when the new owner is root; for any
 * other, files are as if it had made them, without setuid and setgid.
 *
 * @param fd the archive that the entries' offsets are of; stays open until `outcome` has settled
 */
export function treeTar(
  fd: number,
  trees: readonly PlacedTree[],
  options: TreeTarOptions,
): ManifestTar {
  let settle!: (outcome: Result<void, ContextFailure>) => void;
  const outcome = new Promise<Result<void, ContextFailure>>((resolve) => {
    settle = resolve;
  });
  const stream = Readable.from(archive(fd, trees, options, settle), { objectMode: false });
  // The outcome tells; without a listener an abort before the first read would end the process.
  stream.on("error", () => {});
  stream.on("close", () => settle(failed({ reason: "cancelled" })));
  addAbortSignal(options.signal, stream);
  return { stream, outcome };
}

/** The first outcome counts. */
async function* archive(
  fd: number,
  trees: readonly PlacedTree[],
  { uid, gid, directories }: TreeTarOptions,
  settle: (outcome: Result<void, ContextFailure>) => void,
): AsyncGenerator<Buffer> {
  const sources = sourcesByDestination(trees);
  for (const entry of tarEntries(treeItems(trees))) {
    if (entry.kind === "directory" && !directories.has(entry.path)) continue;
    const found = sources.get(entry.path);
    const source = found?.kind === entry.kind ? found : undefined;
    const isKept = source !== undefined && uid === 0;
    const owner = isKept ? { uid: source.uid, gid: source.gid } : { uid, gid };
    const mode = modeOf(source, isKept);
    yield header(entry, { ...owner, mode });
    if (source?.kind !== "file") continue;
    try {
      yield* fileContent(fd, source);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== undefined) settle(failed({ reason: "unreadable", path: entry.path, code }));
      throw error;
    }
    yield tarPadding(source.sizeBytes);
  }
  yield tarEnd();
  settle(ok());
}

function modeOf(source: TreeEntry | undefined, isKept: boolean): number {
  if (source === undefined) return 0o755;
  return isKept ? source.mode : source.mode & 0o1777;
}

/** What becomes of each path; of several the last, as in `tarEntries`. */
function sourcesByDestination(trees: readonly PlacedTree[]): ReadonlyMap<string, TreeEntry> {
  const sources = new Map<string, TreeEntry>();
  for (const { entries, destination } of trees) {
    const source = entries[0]?.path ?? "";
    for (const entry of entries) {
      const path = below(source, entry.path);
      const separator = path === "" || destination.endsWith("/") ? "" : "/";
      sources.set(`${destination}${separator}${path}`, entry);
    }
  }
  return sources;
}

function header(
  entry: TarEntry,
  facts: { readonly uid: number; readonly gid: number; readonly mode: number },
): Buffer {
  const name = tarName(entry.path);
  const common = { ...facts, mtime: TAR_MTIME, sizeBytes: 0 };
  switch (entry.kind) {
    case "directory":
      return tarHeader({ ...common, type: "directory", name: `${name}/` });
    case "symlink":
      return tarHeader({ ...common, type: "symlink", name, linkTarget: entry.link.target });
    case "file":
      return tarHeader({ ...common, type: "file", name, sizeBytes: entry.file.sizeBytes });
  }
}

const readAt = promisify(read);
const pieceBytes = 256 * 1024;

/** What a file contains, piece by piece. Rejects with the system's error. */
export async function* fileContent(
  fd: number,
  { offsetBytes, sizeBytes }: Pick<TreeEntry, "offsetBytes" | "sizeBytes">,
): AsyncGenerator<Buffer> {
  for (let done = 0; done < sizeBytes;) {
    const length = Math.min(pieceBytes, sizeBytes - done);
    const { bytesRead, buffer } = await readAt(
      fd,
      Buffer.alloc(length),
      0,
      length,
      offsetBytes + done,
    );
    if (bytesRead === 0) throw new Error("Internal error: an archive became shorter");
    done += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** The archive that entries come from, as it is, with its end; of `fd`. Rejects with the system's error. */
export async function* tarContent(
  fd: number,
  entries: readonly TreeEntry[],
): AsyncGenerator<Buffer> {
  let end = 0;
  for (const { offsetBytes, sizeBytes } of entries) {
    end = Math.max(end, offsetBytes + Math.ceil(sizeBytes / blockBytes) * blockBytes);
  }
  yield* fileContent(fd, { offsetBytes: 0, sizeBytes: end });
  yield Buffer.alloc(2 * blockBytes);
}
