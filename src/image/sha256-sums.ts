/**
 * `SHA256SUMS`, as `sha256sum -c` reads it: a digest, two blanks and a name on each line, where a `*` in the place of
 * the second blank asks for binary reading. A name with a backslash or a line break has these written as `\\`, `\n` and
 * `\r`, and the line begins with a backslash (coreutils, "cksum output modes").
 *
 * Names are bytes, which text is not: everything here is Latin-1, one character for each byte.
 */
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorCode } from "../store/fs-failure.ts";

/** The file that has the sums of the images in its directory. */
const sumsName = "SHA256SUMS";

/** Where the sum of the image at `path` is written. */
export function sumsPathOf(path: string): string {
  return join(dirname(path), sumsName);
}

/**
 * The content of a sums file with `digest` as the sum of `name`: in the place of the line that it had, or at the end.
 * Every other line stays as it is, byte for byte. `before` is Latin-1.
 */
export function withSum(before: string, name: string, digest: string): string {
  const own = Buffer.from(name).toString("latin1");
  const line = sumLine(own, digest);
  const lines = before.split("\n");
  if (lines.at(-1) === "") lines.pop();
  const at = lines.findIndex((other) => nameOf(other) === own);
  const others = lines.filter((other) => nameOf(other) !== own);
  others.splice(at < 0 ? others.length : Math.min(at, others.length), 0, line);
  return `${others.join("\n")}\n`;
}

/** Writes the sum of `name` to the file at `path`, by way of `stagedPath`. Rejects with the system's error. */
export async function writeSum(
  { path, stagedPath }: { readonly path: string; readonly stagedPath: string },
  name: string,
  digest: string,
): Promise<void> {
  const before = await readFile(path, "latin1").catch((error: unknown) => {
    if (errorCode(error) === "ENOENT") return "";
    throw error;
  });
  await writeFile(stagedPath, withSum(before, name, digest), { encoding: "latin1", flag: "wx" });
}

const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r" };

function sumLine(name: string, digest: string): string {
  const escaped = name.replaceAll(/[\\\n\r]/g, (char) => escapes[char] ?? char);
  return `${escaped === name ? "" : "\\"}${digest}  ${escaped}`;
}

/** The name that a line has the sum of; undefined for any other line. */
function nameOf(line: string): string | undefined {
  const [, mark, name] = /^(\\?)[0-9a-fA-F]{64} [ *](.+)$/.exec(line) ?? [];
  if (name === undefined || mark === "") return name;
  return name.replaceAll(/\\([\\nr])/g, (_, char: string) => ({ n: "\n", r: "\r" })[char] ?? char);
}
