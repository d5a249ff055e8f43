/**
 * The SHA-256 of large files, remembered so that an unchanged file is not read again.
 *
 * A file counts as unchanged while its size, times, inode and device are what they were. Times are as
 * coarse as the kernel's clock tick, or worse on other file systems: a file written twice within one
 * tick shows the same times. So a digest is only remembered when the file had last been changed well
 * before it was read; a fresh file is simply read once more the next time. The change time is the one
 * that decides, since no program can set it back.
 */
import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { resolve } from "node:path";
import { failed, ok, type Result } from "../result.ts";
import { errorCode, errorText } from "./fs-failure.ts";
import { isRecord } from "./json.ts";
import { openRegularFile } from "./regular-file.ts";
import { loadState, saveState } from "./remembered.ts";

/** Why there is no digest. */
export type DigestFailure =
  | { readonly reason: "file-unreadable"; readonly path: string; readonly message: string }
  /** The file was written to while it was read, several times over. */
  | { readonly reason: "file-changing"; readonly path: string }
  | { readonly reason: "cancelled" };

export interface DigestOptions {
  readonly signal?: AbortSignal;
  /** Time of day in milliseconds. @default Date.now */
  readonly now?: () => number;
}

/** A change this shortly before the reading might have a twin with the same times. */
const RACY_MS = 2000;
const MAX_ATTEMPTS = 3;
const MAX_REMEMBERED = 1000;
const CHUNK_BYTES = 1 << 20;
const DOCUMENT = "digests";

interface Remembered {
  readonly digest: string;
  /** What the file looked like. */
  readonly look: string;
}

/**
 * The SHA-256 of a regular file's content, lower-case hex, remembered in the store at `root`.
 *
 * For few and large files, such as base images: all are remembered in one document. Several processes
 * may ask at once; one's memory may then be lost to another's, which costs a reading.
 */
export async function digestFile(
  root: string,
  path: string,
  options: DigestOptions = {},
): Promise<Result<string, DigestFailure>> {
  const { signal, now = Date.now } = options;
  const file = resolve(path);
  const opened = await openRegularFile(file);
  if (!opened.ok) {
    return failed({ reason: "file-unreadable", path: file, message: opened.error.message });
  }
  await using handle = opened.value;
  try {
    for (let attempts = 0; attempts < MAX_ATTEMPTS; attempts++) {
      const startedAt = now();
      const { look, changedAt, sizeBytes } = await lookAt(handle);
      const remembered = (await load(root)).get(file);
      if (remembered?.look === look) {
        return ok(remembered.digest);
      }
      const digest = await read(handle, sizeBytes, signal);
      if (digest === undefined) {
        return failed({ reason: "cancelled" });
      }
      if ((await lookAt(handle)).look === look) {
        if (changedAt < startedAt - RACY_MS) {
          await remember(root, file, { digest, look });
        }
        return ok(digest);
      }
    }
    return failed({ reason: "file-changing", path: file });
  } catch (error) {
    if (errorCode(error) === undefined) {
      throw error;
    }
    return failed({ reason: "file-unreadable", path: file, message: errorText(error) });
  }
}

async function lookAt(handle: FileHandle): Promise<{
  readonly look: string;
  readonly changedAt: number;
  readonly sizeBytes: number;
}> {
  const { size, mtimeNs, ctimeNs, ino, dev } = await handle.stat({ bigint: true });
  return {
    look: [size, mtimeNs, ctimeNs, ino, dev].join(" "),
    changedAt: Number(ctimeNs / 1_000_000n),
    sizeBytes: Number(size),
  };
}

/** Stops soon after `sizeBytes`, or a file that grows as fast as it is read would never end. */
async function read(
  handle: FileHandle,
  sizeBytes: number,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let position = 0; ;) {
    if (signal?.aborted === true) {
      return undefined;
    }
    const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, position);
    if (bytesRead === 0 || position > sizeBytes) {
      return hash.digest("hex");
    }
    hash.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
}

async function load(root: string): Promise<ReadonlyMap<string, Remembered>> {
  const entries = await loadState(root, DOCUMENT, (value) =>
    isRecord(value) ? Object.entries(value).filter(isEntry) : undefined,
  );
  return new Map(entries);
}

async function remember(root: string, file: string, remembered: Remembered): Promise<void> {
  const entries = new Map(await load(root));
  // Taken out first, so that the order of the document is that of the readings.
  entries.delete(file);
  entries.set(file, remembered);
  // A memory that cannot be written is only a reading more.
  await saveState(root, DOCUMENT, Object.fromEntries([...entries].slice(-MAX_REMEMBERED)));
}

function isEntry(entry: [string, unknown]): entry is [string, Remembered] {
  const [, value] = entry;
  return (
    isRecord(value) && typeof value["digest"] === "string" && typeof value["look"] === "string"
  );
}
