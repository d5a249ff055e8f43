import type { Hash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { failed, ok, type Result } from "../result.ts";
import { errorCode, errorText } from "../store/fs-failure.ts";
import { openRegularFile } from "../store/regular-file.ts";
import { type Checksum, digestOf } from "./checksum.ts";
import type { DownloadFailure } from "./failure.ts";

const CHUNK_BYTES = 1 << 20;

/** Gives a digest what an open file holds, and says how many bytes those are; undefined when the signal was aborted. */
export async function addFile(
  hash: Hash,
  file: FileHandle,
  signal: AbortSignal,
): Promise<number | undefined> {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let position = 0; ;) {
    if (signal.aborted) return undefined;
    const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, position);
    if (bytesRead === 0) return position;
    hash.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
}

/** Fails unless the regular file at `path` has the checksum. */
export async function checkFile(
  path: string,
  checksum: Checksum,
  signal: AbortSignal,
): Promise<Result<void, DownloadFailure>> {
  const opened = await openRegularFile(path);
  if (!opened.ok) {
    return failed({ reason: "source-unreadable", path, message: opened.error.message });
  }
  await using file = opened.value;
  const hash = digestOf(checksum);
  try {
    if ((await addFile(hash, file, signal)) === undefined) return failed({ reason: "cancelled" });
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    return failed({ reason: "source-unreadable", path, message: errorText(error) });
  }
  return compare(path, checksum, hash);
}

/** Whether a digest that got everything comes to the checksum. */
export function compare(
  source: string,
  { algorithm, value }: Checksum,
  hash: Hash,
): Result<void, DownloadFailure> {
  const actual = hash.digest("hex");
  return actual === value
    ? ok()
    : failed({ reason: "checksum-mismatch", source, algorithm, expected: value, actual });
}
