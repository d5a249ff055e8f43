import { open } from "node:fs/promises";
import { basename } from "node:path";
import { parseChecksum, digestOf } from "./checksum.ts";
import { addFile } from "./hash-file.ts";

/**
 * The checksum of a kept download as it is now, when that is not the one in its name; undefined when it is. A name
 * without a checksum is none of a download's: then the answer is the text `unknown`. Rejects with what the system says.
 */
export async function changedDownload(path: string): Promise<string | undefined> {
  const [, algorithm = "", value = ""] = /^(.+)-([0-9a-f]+)$/.exec(basename(path)) ?? [];
  const checksum = parseChecksum(algorithm, value);
  if (!checksum.ok) return "unknown";
  await using file = await open(path);
  const hash = digestOf(checksum.value);
  await addFile(hash, file, new AbortController().signal);
  const actual = hash.digest("hex");
  return actual === checksum.value.value ? undefined : actual;
}
