import { createHash } from "node:crypto";
// Callbacks under promisify: a FileHandle costs a third more time per small file.
import { close, constants, fstat, open, read, type Stats } from "node:fs";
import { promisify } from "node:util";
import { failed, ok, type Result } from "../result.ts";
import type { ContextFailure } from "./failure.ts";
import { failureAfterListing } from "./file-system-error.ts";

/** What decides a file's part of a manifest. */
export interface FileFacts {
  readonly sizeBytes: number;
  readonly executable: boolean;
  /** SHA-256 of the content, lower-case hex. */
  readonly digest: string;
}

/** An open regular file; whoever opened it closes it with {@link closeFile}. */
export interface OpenFile {
  readonly fd: number;
  readonly stats: Stats;
}

/** Large files are read in pieces of this size, smaller ones at once. */
const PIECE_BYTES = 256 * 1024;

/** Without O_NONBLOCK, a fifo put in the file's place would wait for a writer for ever. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

const openFile = promisify(open);
const statFile = promisify(fstat);
const readFile = promisify(read);

/** Throws what `node:fs` throws. */
export const closeFile = promisify(close);

/** Opens a file that was listed as a regular one; `path` is what a failure calls it. */
export async function openRegularFile(
  absolutePath: string,
  path: string,
): Promise<Result<OpenFile, ContextFailure>> {
  let fd: number | undefined;
  try {
    fd = await openFile(absolutePath, OPEN_FLAGS);
    const stats = await statFile(fd);
    if (stats.isFile()) return ok({ fd, stats });
    await closeFile(fd);
    return failed({ reason: "changed-while-read", path });
  } catch (error) {
    if (fd !== undefined) await closeFile(fd);
    return failed(failureAfterListing(error, path));
  }
}

/** Whether a file of `sizeBytes` is read at once. */
export function isOnePiece(sizeBytes: number): boolean {
  return sizeBytes < PIECE_BYTES;
}

/** For {@link readPiece} of a file that should have `sizeBytes`. */
export function pieceBuffer(sizeBytes: number): Buffer {
  // One byte more than the size, so that the first read of a small file also meets its end.
  return Buffer.allocUnsafe(Math.min(sizeBytes + 1, PIECE_BYTES));
}

/**
 * The next piece of the file, as a view into `buffer`. One shorter than `buffer` is the last. `path` is
 * what a failure calls the file.
 */
export async function readPiece(
  fd: number,
  buffer: Buffer,
  path: string,
): Promise<Result<Buffer, ContextFailure>> {
  try {
    const { bytesRead } = await readFile(fd, buffer, 0, buffer.length, null);
    return ok(buffer.subarray(0, bytesRead));
  } catch (error) {
    return failed(failureAfterListing(error, path));
  }
}

/** Reads a file that was listed as a regular one. A size that changes meanwhile is a failure. */
export async function readFileFacts(
  absolutePath: string,
  path: string,
  signal: AbortSignal,
): Promise<Result<FileFacts, ContextFailure>> {
  const opened = await openRegularFile(absolutePath, path);
  if (!opened.ok) return opened;
  const { fd, stats } = opened.value;
  try {
    const hash = createHash("sha256");
    const buffer = pieceBuffer(stats.size);
    let sizeBytes = 0;
    let isLast = false;
    while (!isLast) {
      if (signal.aborted) return failed({ reason: "cancelled" });
      const piece = await readPiece(fd, buffer, path);
      if (!piece.ok) return piece;
      hash.update(piece.value);
      sizeBytes += piece.value.length;
      isLast = piece.value.length < buffer.length;
    }
    if (sizeBytes !== stats.size || (await changedSince(fd, stats))) {
      return failed({ reason: "changed-while-read", path });
    }
    return ok({ sizeBytes, executable: (stats.mode & 0o111) !== 0, digest: hash.digest("hex") });
  } finally {
    await closeFile(fd);
  }
}

/** Only worth a look when there was more than one read for a writer to come between. */
async function changedSince(fd: number, before: Stats): Promise<boolean> {
  if (before.size < PIECE_BYTES) return false;
  const after = await statFile(fd).catch(() => undefined);
  return after === undefined || after.size !== before.size || after.mtimeMs !== before.mtimeMs;
}
