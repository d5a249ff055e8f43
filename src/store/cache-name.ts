/** A cache's name as the name of its directory. */
import { createHash } from "node:crypto";
import { escapeName, unescapeName } from "./escaped-name.ts";

const PREFIX = "c-";
const MAX_ESCAPED_BYTES = 200;

/**
 * The directory a cache's name gives: `c-` and the escaped name, so any name is one plain component.
 *
 * A name too long for a file system is cut and given a digest; it cannot be read back from the
 * directory and is kept in a file there. `~` is never written by the escaping and tells the two apart.
 */
export function cacheDirName(name: string): string {
  const escaped = escapeName(name);
  if (escaped.length <= MAX_ESCAPED_BYTES) {
    return PREFIX + escaped;
  }
  const digest = createHash("sha256").update(name).digest("hex");
  return `${PREFIX}${escaped.slice(0, 100)}~${digest}`;
}

/** The name behind a directory, `kept-in-file` when the name was too long, undefined when it is no cache. */
export function parseCacheDirName(
  entry: string,
): { readonly name: string } | "kept-in-file" | undefined {
  if (!entry.startsWith(PREFIX)) {
    return undefined;
  }
  const escaped = entry.slice(PREFIX.length);
  if (/~[0-9a-f]{64}$/.test(escaped)) {
    return "kept-in-file";
  }
  const name = unescapeName(escaped);
  return name === undefined ? undefined : { name };
}
