/** Files that a user names, which may turn out to be anything. */
import type { Stats } from "node:fs";

/** What there is, with its article: `a directory`, `a FIFO`. */
export function fileKind(stats: Stats): string {
  if (stats.isFile()) return "a regular file";
  if (stats.isDirectory()) return "a directory";
  if (stats.isFIFO()) return "a FIFO";
  if (stats.isSocket()) return "a socket";
  return "a device";
}
