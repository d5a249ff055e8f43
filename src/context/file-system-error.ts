import type { ContextFailure } from "./failure.ts";

/** The system's code of an error that `node:fs` threw; anything else is a bug and thrown on. */
export function systemErrorCode(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") {
    return error.code;
  }
  throw error;
}

/** What an error means for something that was there a moment ago. */
export function failureAfterListing(error: unknown, path: string): ContextFailure {
  const code = systemErrorCode(error);
  return goneCodes.has(code)
    ? { reason: "changed-while-read", path }
    : { reason: "unreadable", path, code };
}

/** It went, or became something else: ELOOP is a symlink met by `O_NOFOLLOW`, ENXIO a socket. */
const goneCodes = new Set(["ENOENT", "ENOTDIR", "ELOOP", "ENXIO", "EINVAL"]);
