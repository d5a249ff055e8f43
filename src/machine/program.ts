import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import path from "node:path";
import { failed, ok, type Result } from "../result.ts";
import type { MachineFailureOf } from "./failure.ts";

/** A program and the Debian package to name when it is missing. */
export interface ProgramName {
  readonly program: string;
  readonly debianPackage: string;
}

/**
 * The absolute path of a program, found as execvp(3) would: the first executable regular file of
 * that name in the directories of `searchPath` (the form of `$PATH`).
 */
export async function findProgram(
  { program, debianPackage }: ProgramName,
  searchPath: string,
): Promise<Result<string, MachineFailureOf<"program-missing">>> {
  for (const dir of searchPath.split(path.delimiter)) {
    // An empty entry means the current directory to a shell; no program of ours is looked for there.
    if (dir === "") continue;
    const candidate = path.resolve(dir, program);
    if (await isExecutable(candidate)) return ok(candidate);
  }
  return failed({ reason: "program-missing", program, debianPackage });
}

async function isExecutable(candidate: string): Promise<boolean> {
  try {
    await access(candidate, constants.X_OK);
    return (await stat(candidate)).isFile();
  } catch {
    return false;
  }
}
