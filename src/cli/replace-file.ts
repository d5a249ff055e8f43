import { rename, rm, writeFile } from "node:fs/promises";
import { errorCode } from "../store/fs-failure.ts";
import { exitCode } from "./exit-code.ts";
import { userError } from "./or-throw.ts";
import { UserError } from "./user-error.ts";

export interface FileReplacement {
  /** What is replaced, without symlinks; may be missing. */
  readonly path: string;
  /** A free name in the same directory. */
  readonly stagedPath: string;
  /** What messages call it. */
  readonly name: string;
  /** @default what the umask leaves */
  readonly mode?: number;
}

/**
 * Writes a user's file in one step, so that nobody ever sees half of it.
 *
 * @throws UserError when it cannot be written; nothing is left behind then
 */
export async function replaceFile(
  { path, stagedPath, name, mode }: FileReplacement,
  content: string | Uint8Array,
): Promise<void> {
  const options = { flag: "wx", ...(mode === undefined ? {} : { mode }) };
  await replaceFileBy({ path, stagedPath, name }, () => writeFile(stagedPath, content, options));
}

/**
 * As {@link replaceFile}, with the content that `write` writes to the free name it is given.
 *
 * @throws UserError when it cannot be written; nothing is left behind then
 */
export async function replaceFileBy(
  { path, stagedPath, name }: Omit<FileReplacement, "mode">,
  write: (stagedPath: string) => Promise<void>,
): Promise<void> {
  try {
    await write(stagedPath);
    await rename(stagedPath, path);
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOSPC" || code === "EDQUOT") throw userError({ reason: "disk-full", path });
    if (code === undefined) throw error;
    throw new UserError(`${name} cannot be written: ${(error as Error).message}`, {
      exitCode: exitCode.host,
    });
  } finally {
    await rm(stagedPath, { force: true }).catch(() => {});
  }
}
