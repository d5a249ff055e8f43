/** Powers of 1024, smallest first, as QEMU reads and `qemu-img` shows them. */
const UNITS = ["K", "M", "G", "T", "P"] as const;

const SHAPE = /^(\d+(?:\.\d+)?) ?(?:([KMGTP])(?:iB)?|B)?$/i;

/** Less memory for a machine than this is a slip (`"512"`): nothing boots in it. */
export const MIN_MEMORY_BYTES = 16 * 1024 ** 2;

/**
 * Bytes of a size: `512M`, `1.5G`, `16GiB`, `1048576`. Units are powers of 1024 in either case; a
 * fraction of a byte is dropped.
 *
 * Undefined for anything else, also for `16GB`, which to some is a power of 1000, and beyond what a
 * number holds exactly.
 */
export function parseByteSize(text: string): number | undefined {
  const parts = SHAPE.exec(text);
  if (parts === null) return undefined;
  const [, digits = "", unit] = parts;
  if (unit === undefined && digits.includes(".")) return undefined;
  const power = unit === undefined ? 0 : UNITS.findIndex((name) => name === unit.toUpperCase()) + 1;
  const bytes = Math.floor(Number(digits) * 1024 ** power);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** A size for people, with at most one decimal: `0 B`, `512 MiB`, `1.5 GiB`. */
export function formatByteSize(bytes: number): string {
  let value = bytes;
  let unit = "B";
  for (const next of UNITS) {
    // Not 1024: 1023.96 would be shown as 1024.0 of the smaller unit.
    if (value < 1023.95) break;
    value /= 1024;
    unit = `${next}iB`;
  }
  return `${Number(value.toFixed(1))} ${unit}`;
}

/** The shortest text that {@link parseByteSize} reads as exactly `bytes`: `1536M`, `2G`, `1000`. */
export function exactByteSize(bytes: number): string {
  let value = bytes;
  let unit = "";
  for (const next of UNITS) {
    if (value === 0 || value % 1024 !== 0) break;
    value /= 1024;
    unit = next;
  }
  return `${value}${unit}`;
}
