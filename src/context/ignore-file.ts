import { isUtf8 } from "node:buffer";
import { lstat, readFile } from "node:fs/promises";
import { join } from "node:path";
import ignore from "ignore";
import { failed, ok, type Result } from "../result.ts";
import type { ContextFailure } from "./failure.ts";
import { systemErrorCode } from "./file-system-error.ts";
import { fileType } from "./file-type.ts";

/** The file at the top of a build context that says what of it is never copied. */
export const ignoreFileName = ".vmbuildignore";

/** Whether the path (relative to the context, not empty) is left out of every copy. */
export type IgnoreRules = (path: string, isDirectory: boolean) => boolean;

/**
 * Reads the context's {@link ignoreFileName}: rules as in a `.gitignore` (gitignore(5)), with upper and lower case
 * apart. Without the file nothing is left out; with it, the file itself is, unless it says otherwise.
 */
export async function readIgnoreFile(
  contextDir: string,
): Promise<Result<IgnoreRules, ContextFailure>> {
  const path = join(contextDir, ignoreFileName);
  try {
    const type = fileType(await lstat(path));
    if (type !== "file") return unusable(`it is a ${type}, not a file`);
    const bytes = await readFile(path);
    if (!isUtf8(bytes)) return unusable("it is not UTF-8");
    return ok(rulesOf(bytes.toString("utf8").replace(/^\uFEFF/, "")));
  } catch (error) {
    const code = systemErrorCode(error);
    return code === "ENOENT" ? ok(() => false) : unusable(`it cannot be read (${code})`);
  }
}

function rulesOf(text: string): IgnoreRules {
  const rules = ignore({ ignorecase: false }).add(`/${ignoreFileName}`).add(text);
  return (path, isDirectory) => rules.ignores(isDirectory ? `${path}/` : path);
}

function unusable(why: string): Result<never, ContextFailure> {
  return failed({ reason: "ignore-file-unusable", path: ignoreFileName, why });
}
