/**
 * Reading one header block of a tar archive, as GNU, BSD and busybox tar write them. Trusts no number.
 */

/** Bytes of a header; content is padded to whole ones. */
export const blockBytes = 512;

/** What one header block says. */
export interface HeaderBlock {
  readonly typeFlag: string;
  readonly name: Buffer;
  readonly linkTarget: Buffer;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
}

const maxId = 2 ** 32 - 1;

/** The header in a block, `end` for a block of zeros, or undefined for anything else. */
export function readHeaderBlock(block: Buffer): HeaderBlock | "end" | undefined {
  if (block.every((byte) => byte === 0)) return "end";
  if (readNumber(block, 148, 8) !== checksum(block)) return undefined;
  const mode = readNumber(block, 100, 8);
  const uid = readNumber(block, 108, 8);
  const gid = readNumber(block, 116, 8);
  const sizeBytes = readNumber(block, 124, 12);
  if (mode === undefined || uid === undefined || gid === undefined || sizeBytes === undefined)
    return undefined;
  if (uid > maxId || gid > maxId) return undefined;
  const name = text(block, 0, 100);
  // Only POSIX' own headers have a prefix; GNU keeps other things in its place.
  const prefix = block.toString("latin1", 257, 263) === "ustar\0" ? text(block, 345, 155) : name;
  return {
    typeFlag: String.fromCharCode(block[156] ?? 0),
    name: prefix === name || prefix.length === 0 ? name : joined(prefix, name),
    linkTarget: text(block, 157, 100),
    mode: mode & 0o7777,
    uid,
    gid,
    sizeBytes,
  };
}

function joined(prefix: Buffer, name: Buffer): Buffer {
  return Buffer.concat([prefix, Buffer.from("/"), name]);
}

/** Up to the first NUL. */
export function text(bytes: Buffer, start = 0, length = bytes.length): Buffer {
  const field = bytes.subarray(start, start + length);
  const end = field.indexOf(0);
  return end === -1 ? field : field.subarray(0, end);
}

/** Octal digits between blanks and NULs, or base 256 when the first bit is set; nothing negative. */
function readNumber(block: Buffer, offset: number, length: number): number | undefined {
  const field = block.subarray(offset, offset + length);
  if (((field[0] ?? 0) & 0x80) === 0) {
    const digits = /^ *([0-7]*)[ \0]*$/.exec(field.toString("latin1"))?.[1];
    return digits === undefined ? undefined : digits === "" ? 0 : Number.parseInt(digits, 8);
  }
  if (field[0] !== 0x80) return undefined;
  let value = 0;
  for (const byte of field.subarray(1)) value = value * 256 + byte;
  return Number.isSafeInteger(value) ? value : undefined;
}

/** The sum of all bytes, the checksum's own taken as blanks. */
function checksum(block: Buffer): number {
  let sum = 8 * 0x20;
  for (const [index, byte] of block.entries()) if (index < 148 || index >= 156) sum += byte;
  return sum;
}

/** The records of a pax header, by key, or undefined when they are none. */
export function readPaxRecords(content: Buffer): ReadonlyMap<string, Buffer> | undefined {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < content.length && content[at] !== 0;) {
    const blank = content.indexOf(" ", at, "latin1");
    const digits = blank === -1 ? "" : content.toString("latin1", at, blank);
    const length = /^[1-9][0-9]{0,8}$/.test(digits) ? Number(digits) : 0;
    const record = content.subarray(blank + 1, at + length);
    const equals = record.indexOf("=");
    if (at + length > content.length || equals < 1 || record.at(-1) !== 0x0a) return undefined;
    records.set(record.toString("latin1", 0, equals), record.subarray(equals + 1, -1));
    at += length;
  }
  return records;
}
