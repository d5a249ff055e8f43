/**
 * Files of checksums as publishers put them beside their images: `SHA256SUMS`, `CHECKSUM`. Both forms of sha256sum(1),
 * also inside of a signed text, whose signature is not looked at.
 */
import type { Checksum } from "./checksum.ts";
import { parseChecksum } from "./checksum.ts";

/** Which algorithm has so many hex digits, where only the name of the file could tell. */
const byDigits: Readonly<Record<number, string>> = {
  32: "md5",
  40: "sha1",
  56: "sha224",
  64: "sha256",
  96: "sha384",
  128: "sha512",
};

/** The checksum of the file `name`, of several the longest; undefined when there is none. */
export function checksumIn(text: string, name: string): Checksum | undefined {
  return text
    .split(/\r?\n/)
    .flatMap((line) => {
      const entry = entryOf(line);
      if (entry === undefined || entry.name !== name) return [];
      const parsed = parseChecksum(entry.type, entry.value);
      return parsed.ok ? [parsed.value] : [];
    })
    .reduce<Checksum | undefined>(
      (best, next) => (best === undefined || next.value.length > best.value.length ? next : best),
      undefined,
    );
}

function entryOf(line: string) {
  const [, type, tagged, hex] = /^([\w-]+) ?\((.+)\) = ([0-9a-f]+)\s*$/i.exec(line) ?? [];
  if (type !== undefined && tagged !== undefined && hex !== undefined) {
    return { type, name: fileName(tagged), value: hex };
  }
  const [, value, plain] = /^([0-9a-f]+) [ *](.+?)\s*$/i.exec(line) ?? [];
  const known = byDigits[value?.length ?? 0];
  return value === undefined || plain === undefined || known === undefined
    ? undefined
    : { type: known, name: fileName(plain), value };
}

function fileName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
