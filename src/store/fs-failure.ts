/** Turns what the file system refuses into failures, at the place where it was asked. */
import { failed, ok, type Result } from "../result.ts";
import type { StoreFailure } from "./failure.ts";

/** The code of a failed system call (`ENOENT`, …), or undefined for anything else that was thrown. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined;
}

/** What the system said, without the code and the call that Node puts around it: `permission denied`. */
export function errorText(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/^E[A-Z0-9]+: /, "").replace(/, [a-z]+(?: '.*')?$/s, "");
}

/** Runs `action`; a failed system call in it becomes a failure, any other exception goes on. */
export async function attempt<T>(
  path: string,
  action: () => Promise<T>,
): Promise<Result<T, StoreFailure>> {
  try {
    return ok(await action());
  } catch (error) {
    return failed(fsFailure(error, path));
  }
}

/** The failure a failed system call stands for; `path` is used when the error does not name one. */
function fsFailure(error: unknown, path: string): StoreFailure {
  const code = errorCode(error);
  if (code === undefined || !(error instanceof Error)) {
    throw error;
  }
  const where = "path" in error && typeof error.path === "string" ? error.path : path;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return { reason: "disk-full", path: where };
  }
  return { reason: "store-unusable", path: where, message: error.message, hint: hintFor(code) };
}

function hintFor(code: string): string {
  switch (code) {
    case "EACCES":
    case "EPERM":
      return "The store must belong to the user who builds; choose another with --store.";
    case "EROFS":
      return "The file system is mounted read-only; choose a store elsewhere with --store.";
    case "ENOTDIR":
    case "EEXIST":
      return "A file stands where the store needs a directory; choose another path with --store.";
    case "ENAMETOOLONG":
      return "Choose a shorter path with --store.";
    case "EXDEV":
      return "All directories of a store must lie on one file system.";
    case "ENOTSUP":
    case "EOPNOTSUPP":
      return "The file system lacks something a store needs (hard links); choose another with --store.";
    default:
      return "Look at the file system the store lies on, or choose another store with --store.";
  }
}
