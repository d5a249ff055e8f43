/** Opening files that a user names, which may turn out to be anything. */
import type { Stats } from "node:fs";
import { constants, type FileHandle, open, stat } from "node:fs/promises";
import { failed, ok, type Result } from "../result.ts";
import { errorCode, errorText } from "./fs-failure.ts";

/** A file that cannot be read. */
export interface UnreadableFile {
  /** True when there is nothing of that name. */
  readonly missing: boolean;
  /** Why, in words that follow the file's name. */
  readonly message: string;
}

/** Nobody waits for the writer of a FIFO that takes the file's place. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * Opens a regular file, or a symlink to one, for reading; the caller closes it. Anything else is refused
 * at once: it would wait for a writer for ever, or never end.
 */
export async function openRegularFile(path: string): Promise<Result<FileHandle, UnreadableFile>> {
  let handle: FileHandle | undefined;
  try {
    // Looked at before it is opened, because opening alone makes some devices act.
    const before = await stat(path);
    if (!before.isFile()) return notRegular(before);
    handle = await open(path, FLAGS);
    const stats = await handle.stat();
    if (stats.isFile()) return ok(handle);
    await handle.close();
    return notRegular(stats);
  } catch (error) {
    await handle?.close();
    return failed(unreadable(error));
  }
}

/** The text of a regular file, read as UTF-8 without its byte order mark. */
export async function readRegularText(path: string): Promise<Result<string, UnreadableFile>> {
  const opened = await openRegularFile(path);
  if (!opened.ok) return opened;
  await using handle = opened.value;
  try {
    return ok(new TextDecoder().decode(await handle.readFile()));
  } catch (error) {
    return failed(unreadable(error));
  }
}

/** What there is, with its article: `a directory`, `a FIFO`. */
export function fileKind(stats: Stats): string {
  if (stats.isFile()) return "a regular file";
  if (stats.isDirectory()) return "a directory";
  if (stats.isFIFO()) return "a FIFO";
  if (stats.isSocket()) return "a socket";
  return "a device";
}

function notRegular(stats: Stats): Result<never, UnreadableFile> {
  return failed({ missing: false, message: `it is ${fileKind(stats)}, not a regular file` });
}

function unreadable(error: unknown): UnreadableFile {
  const code = errorCode(error);
  if (code === undefined) throw error;
  const missing = code === "ENOENT" || code === "ENOTDIR";
  return { missing, message: missing ? "there is no such file" : errorText(error) };
}
