import { createHash } from "node:crypto";
import { join } from "node:path";
import { addAbortSignal, Readable } from "node:stream";
import type { CopyItem } from "../plan/step.ts";
import { failed, ok, type Result } from "../result.ts";
import type { ContextFailure } from "./failure.ts";
import { closeFile, isOnePiece, openRegularFile, pieceBuffer, readPiece } from "./regular-file.ts";
import { type TarEntry, tarEntries } from "./tar-entries.ts";
import { tarEnd, tarHeader, tarPadding } from "./tar-header.ts";

/**
 * Everything's modification time in the guest, 1980-01-02T00:00:00Z: ids leave times out, so layers
 * must not depend on them, and zip cannot say an earlier one.
 */
export const TAR_MTIME = Date.UTC(1980, 0, 2) / 1000;

/** How to make the archive of a `copy`. */
export interface ManifestTarOptions {
  /** Directory on the host that the manifests were made in. */
  readonly contextDir: string;
  /** Owner of every entry in the guest; root when absent. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /**
   * Whether a directory (absolute path, one of `directoriesOf`) is to be made. Directories that exist
   * in the guest must not be in the archive: unpacking would change their owner, mode and time.
   */
  readonly directories: (path: string) => boolean;
  readonly signal: AbortSignal;
}

/** An archive on its way. */
export interface ManifestTar {
  /**
   * The tar stream, to be unpacked in the guest's root. It reads but a few small files further than it is
   * read, and is destroyed with an error, before the archive's end, when `outcome` is a failure.
   */
  readonly stream: Readable;
  /**
   * Settles when the stream has ended or was destroyed, by whomever (`cancelled`); never rejects. Until
   * it is ok, what was unpacked may be wrong.
   */
  readonly outcome: Promise<Result<void, ContextFailure>>;
}

/**
 * Streams `items` as a tar archive whose bytes depend on nothing but `items` and `options`.
 *
 * Every file is verified against its manifest on the way: one whose size or content is another by now
 * fails the archive as `changed-while-read`.
 */
export function manifestTar(items: readonly CopyItem[], options: ManifestTarOptions): ManifestTar {
  const { promise: outcome, resolve } = deferred<Result<void, ContextFailure>>();
  const stream = Readable.from(archive(tarEntries(items), options, resolve), { objectMode: false });
  // The outcome tells; without a listener an abort before the first read would end the process.
  stream.on("error", () => {});
  stream.on("close", () => resolve(failed({ reason: "cancelled" })));
  addAbortSignal(options.signal, stream);
  return { stream, outcome };
}

/** The first outcome counts. */
async function* archive(
  entries: readonly TarEntry[],
  options: ManifestTarOptions,
  settle: (outcome: Result<void, ContextFailure>) => void,
): AsyncGenerator<Buffer> {
  const owner = options.owner ?? { uid: 0, gid: 0 };
  const common = { ...owner, mtime: TAR_MTIME, sizeBytes: 0 };
  for await (const { entry, small } of readAhead(entries, options.contextDir)) {
    const name = tarName(entry.path);
    if (entry.kind === "directory") {
      if (!options.directories(entry.path)) continue;
      yield tarHeader({ ...common, type: "directory", name: `${name}/`, mode: 0o755 });
    } else if (entry.kind === "symlink") {
      const linkTarget = entry.link.target;
      yield tarHeader({ ...common, type: "symlink", name, linkTarget, mode: 0o777 });
    } else {
      const { sizeBytes, executable } = entry.file;
      const mode = executable ? 0o755 : 0o644;
      const header = tarHeader({ ...common, type: "file", name, mode, sizeBytes });
      const failure =
        small === undefined
          ? yield* verifiedFile(header, entry, options.contextDir)
          : yield* verifiedContent(header, await small);
      if (failure === undefined) continue;
      settle(failed(failure));
      throw new Error(`the archive was given up: ${failure.reason}`);
    }
  }
  yield tarEnd();
  settle(ok());
}

/** Files that are read at once; more do not make it faster. */
const filesAhead = 8;

type FileEntry = Extract<TarEntry, { kind: "file" }>;

/** An entry, and what a small file holds or what is wrong with it. */
interface ReadEntry {
  readonly entry: TarEntry;
  readonly small?: Promise<Result<Buffer, ContextFailure>>;
}

/** Opens small files before their turn, which takes longer than reading them. */
async function* readAhead(
  entries: readonly TarEntry[],
  contextDir: string,
): AsyncGenerator<ReadEntry> {
  const waiting: ReadEntry[] = [];
  try {
    for (const entry of entries) {
      const isSmall = entry.kind === "file" && isOnePiece(entry.file.sizeBytes);
      const small = isSmall ? readSmall(entry, contextDir) : undefined;
      // What is thrown is for whoever awaits it, in its turn.
      small?.catch(() => {});
      waiting.push(small === undefined ? { entry } : { entry, small });
      const next = waiting.length > filesAhead ? waiting.shift() : undefined;
      if (next !== undefined) yield next;
    }
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) yield next;
  } finally {
    for (const { small } of waiting) await small;
  }
}

async function readSmall(
  entry: FileEntry,
  contextDir: string,
): Promise<Result<Buffer, ContextFailure>> {
  const pieces: Buffer[] = [];
  const file = verifiedFile(Buffer.alloc(0), entry, contextDir);
  for (;;) {
    const { done, value } = await file.next();
    if (done === true) return value === undefined ? ok(Buffer.concat(pieces)) : failed(value);
    pieces.push(value);
  }
}

async function* verifiedContent(
  header: Buffer,
  content: Result<Buffer, ContextFailure>,
): AsyncGenerator<Buffer, ContextFailure | undefined> {
  if (!content.ok) return content.error;
  yield Buffer.concat([header, content.value]);
  return undefined;
}

/**
 * Yields the header, the content and its padding; returns what is wrong with the file, at the latest
 * before its last piece. A small file is one piece.
 */
async function* verifiedFile(
  header: Buffer,
  { file, source }: FileEntry,
  contextDir: string,
): AsyncGenerator<Buffer, ContextFailure | undefined> {
  const changed: ContextFailure = { reason: "changed-while-read", path: source };
  const opened = await openRegularFile(join(contextDir, source), source);
  if (!opened.ok) return opened.error;
  const { fd, stats } = opened.value;
  try {
    if (stats.size !== file.sizeBytes) return changed;
    const hash = createHash("sha256");
    const buffer = pieceBuffer(file.sizeBytes);
    let before = header;
    let sizeBytes = 0;
    for (;;) {
      const read = await readPiece(fd, buffer, source);
      if (!read.ok) return read.error;
      const piece = read.value;
      hash.update(piece);
      sizeBytes += piece.length;
      if (sizeBytes > file.sizeBytes) return changed;
      const isLast = piece.length < buffer.length;
      if (isLast && hash.digest("hex") !== file.digest) return changed;
      // A copy, too: the reader of the stream may keep it while `buffer` is filled again.
      yield Buffer.concat([before, piece, isLast ? tarPadding(sizeBytes) : Buffer.alloc(0)]);
      if (isLast) return undefined;
      before = Buffer.alloc(0);
    }
  } finally {
    await closeFile(fd);
  }
}

/** Relative to the guest's root, without a Windows drive; `.` for the root itself. */
export function tarName(path: string): string {
  const name = path.replace(/^(?:[A-Za-z]:)?\//, "");
  return name === "" ? "." : name;
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
