/**
 * Tar headers in GNU format (magic `ustar  `), which GNU, BSD and busybox tar all read in full.
 *
 * Pax headers would not do: busybox ignores the ids in them, and an id beyond 2097151 fits nowhere else.
 */

const BLOCK_BYTES = 512;

/** What one header says. Names and link targets may have any length; as text they are UTF-8. */
export interface TarHeader {
  readonly type: keyof typeof TYPE_FLAGS;
  /** Relative; a directory's may end in `/`. */
  readonly name: string | Buffer;
  /** Permission bits. */
  readonly mode: number;
  /** Of the content that follows; 0 unless `type` is `file`. */
  readonly sizeBytes: number;
  /** For `symlink`; for `hard-link` the name of an earlier entry. */
  readonly linkTarget?: string | Buffer;
  /** For devices. */
  readonly device?: DeviceNumbers;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly mtime: number;
}

/** A device's numbers. */
export interface DeviceNumbers {
  readonly major: number;
  readonly minor: number;
}

const TYPE_FLAGS = {
  file: "0",
  "hard-link": "1",
  symlink: "2",
  "character-device": "3",
  "block-device": "4",
  directory: "5",
  fifo: "6",
} as const;

/** The blocks that come before an entry's content. */
export function tarHeader(header: TarHeader): Buffer {
  const name = bytesOf(header.name);
  const linkTarget = bytesOf(header.linkTarget ?? "");
  return Buffer.concat([
    ...longField("L", name),
    ...longField("K", linkTarget),
    headerBlock({ ...header, name, linkTarget, typeFlag: TYPE_FLAGS[header.type] }),
  ]);
}

function bytesOf(value: string | Buffer): Buffer {
  return typeof value === "string" ? Buffer.from(value) : value;
}

/** Zeros that fill an entry's content up to whole blocks. */
export function tarPadding(sizeBytes: number): Buffer {
  return Buffer.alloc((BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES);
}

/** What an archive ends with. */
export function tarEnd(): Buffer {
  return Buffer.alloc(2 * BLOCK_BYTES);
}

/** Room in a header for a name, less the NUL that old readers want. */
const SHORT_FIELD_BYTES = 99;

/** An extra entry whose content is the value, for one that does not fit into the header. */
function longField(typeFlag: "L" | "K", value: Buffer): Buffer[] {
  if (value.length <= SHORT_FIELD_BYTES) return [];
  const content = Buffer.concat([value, Buffer.alloc(1)]);
  const block = headerBlock({
    typeFlag,
    name: Buffer.from("././@LongLink"),
    linkTarget: Buffer.alloc(0),
    mode: 0o644,
    sizeBytes: content.length,
    uid: 0,
    gid: 0,
    mtime: 0,
  });
  return [block, content, tarPadding(content.length)];
}

interface HeaderBlock {
  readonly typeFlag: string;
  readonly name: Buffer;
  readonly linkTarget: Buffer;
  readonly mode: number;
  readonly sizeBytes: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly device?: DeviceNumbers;
}

function headerBlock(header: HeaderBlock): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  header.name.copy(block, 0, 0, SHORT_FIELD_BYTES);
  writeNumber(block, 100, 8, header.mode);
  writeNumber(block, 108, 8, header.uid);
  writeNumber(block, 116, 8, header.gid);
  writeNumber(block, 124, 12, header.sizeBytes);
  writeNumber(block, 136, 12, header.mtime);
  block.write(header.typeFlag, 156, "latin1");
  header.linkTarget.copy(block, 157, 0, SHORT_FIELD_BYTES);
  block.write("ustar  \0", 257, "latin1");
  if (header.device !== undefined) {
    writeNumber(block, 329, 8, header.device.major);
    writeNumber(block, 337, 8, header.device.minor);
  }
  writeChecksum(block);
  return block;
}

/** Octal digits and a NUL; a number with more digits than that in base 256, marked by the top bit. */
function writeNumber(block: Buffer, offset: number, length: number, value: number): void {
  const octal = value.toString(8).padStart(length - 1, "0");
  if (octal.length < length) {
    block.write(octal, offset, "latin1");
    return;
  }
  let rest = BigInt(value);
  for (let index = offset + length - 1; index > offset; index -= 1) {
    block[index] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  block[offset] = 0x80;
}

/** The sum of all bytes, the checksum's own taken as blanks. */
function writeChecksum(block: Buffer): void {
  block.fill(" ", 148, 156);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
}
