/** SHA-256 digests of files of an image: asked for in shell, read from its answer. Pure. */
import { quoteArgv } from "../machine/posix-quote.ts";
import { readingFunctions } from "./listing.ts";

/** So many names stand on one command line. */
const atOnce = 500;

/** Writes a digest on each line, in the order of the paths, which are absolute and regular files. */
export function digestScript(paths: readonly string[]): string {
  const groups: string[][] = [];
  for (const path of paths) {
    const last = groups.at(-1);
    // A name of several lines would look like several digests.
    const isAlone = path.includes("\n");
    if (
      last === undefined ||
      isAlone ||
      last.length >= atOnce ||
      last[0]?.includes("\n") === true
    ) {
      groups.push([path]);
    } else last.push(path);
  }
  const commands = groups.map((group) =>
    group[0]?.includes("\n") === true
      ? `sha256sum <${quoteArgv(group)} || exit 1`
      : `sha256sum -- ${quoteArgv(group)} || exit 1`,
  );
  return `${readingFunctions}
(
${commands.join("\n")}
) >/dev/sums || fail 'not everything could be read'
cut -c 1-64 </dev/sums >/dev/digests
dd if=/dev/digests of=/dev/data bs=1M conv=sync 2>/dev/null && sync
`;
}

/** Reads the answer for so many paths. */
export function parseDigests(answer: Buffer, count: number): readonly string[] {
  const digests = answer.toString("latin1").split("\n").slice(0, count);
  if (digests.length !== count || digests.some((digest) => !/^[0-9a-f]{64}$/.test(digest))) {
    throw new Error("Internal error: torn digests");
  }
  return digests;
}
