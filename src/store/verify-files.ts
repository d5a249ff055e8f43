/** What the parts of a store's verification share. Nothing here writes. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { ok, type Result } from "../result.ts";
import type { StoreFailure } from "./failure.ts";
import { errorCode, errorText } from "./fs-failure.ts";
import type { StoreFinding } from "./store-report.ts";

/** What a look found; a failure only when the host cannot look at all. */
export type Found = Result<readonly StoreFinding[], StoreFailure>;

/**
 * What `look` finds at `path`. Others may be at work in the store: what they remove or replace while it is looked at
 * is not wrong, and a second look tells. What the system refuses is a finding.
 */
export async function findingsAt(path: string, look: () => Promise<Found>): Promise<Found> {
  const before = await identityOf(path);
  if (before === undefined) return ok([]);
  let found: Found;
  try {
    found = await look();
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    found = ok([{ reason: "unreadable", path, message: errorText(error) }]);
  }
  const isWrong = found.ok && found.value.length > 0;
  return isWrong && (await identityOf(path)) !== before ? ok([]) : found;
}

/** The entries of a directory, none when there is no such directory. */
export async function entriesOf(dir: string): Promise<readonly string[]> {
  try {
    return (await readdir(dir)).sort();
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}

/** Whether the permission bits of `path`, if there is anything, are `expected`. */
export async function verifyMode(path: string, expected: number): Promise<readonly StoreFinding[]> {
  try {
    const mode = (await lstat(path)).mode & 0o7777;
    return mode === expected ? [] : [{ reason: "mode-wrong", path, mode, expected }];
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}

/** The SHA-256 of a file as it is now, whatever is remembered of it. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    hash.update(chunk as Buffer);
  }
  return hash.digest("hex");
}

/** Tells one entry from another of the same name; undefined when there is none. */
async function identityOf(path: string): Promise<string | undefined> {
  try {
    const { dev, ino, birthtimeNs } = await lstat(path, { bigint: true });
    return `${dev} ${ino} ${birthtimeNs}`;
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}
