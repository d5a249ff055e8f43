/**
 * Reads the ext4 file systems that caches are kept on (kernel documentation, `filesystems/ext4`).
 *
 * A guest may have written anything to them, so that every number is checked before it is used: reading ends with a
 * {@link DamagedImage} at the latest when the image is used up. Names and link targets are bytes.
 */
import type { FileHandle } from "node:fs/promises";

/** The image is not an ext4 of the kind that `empty-disk.ts` makes, or no whole one. */
export class DamagedImage extends Error {}

/** What an inode says. */
export interface Inode {
  readonly number: number;
  readonly type: InodeType;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly links: number;
  /** Seconds since 1970; what is before counts as 0. */
  readonly mtime: number;
  /** Of a device. */
  readonly major: number;
  readonly minor: number;
  /** `i_block`: the root of the extent tree, or a short link's target. */
  readonly block: Buffer;
  readonly hasExtents: boolean;
}

export type InodeType =
  | "file"
  | "directory"
  | "symlink"
  | "character-device"
  | "block-device"
  | "fifo"
  | "socket";

/** Content that is in the image, at byte `offset` of the file; everything else of a file is zero. */
export interface Run {
  readonly offset: number;
  readonly imageOffset: number;
  readonly bytes: number;
}

const types: Readonly<Record<number, InodeType>> = {
  0x1000: "fifo",
  0x2000: "character-device",
  0x4000: "directory",
  0x6000: "block-device",
  0x8000: "file",
  0xa000: "symlink",
  0xc000: "socket",
};

/** `EXT4_FEATURE_INCOMPAT_*`: filetype, extents, flex_bg. With any other the image means something else. */
const knownIncompat = 0x2 | 0x40 | 0x200;
const extentsFlag = 0x8_0000;
const extentMagic = 0xf3_0a;
/** `EXT4_MAX_EXTENT_DEPTH` */
const deepestTree = 5;
/** A longer run of an extent is one that was never written. */
const longestExtent = 32_768;
const longestLink = 4096;
export const rootInode = 2;

/** An image, open for reading. */
export class Ext4Image {
  readonly #file: FileHandle;
  readonly #blockBytes: number;
  readonly #blocks: number;
  readonly #inodes: number;
  readonly #inodesPerGroup: number;
  readonly #inodeBytes: number;
  /** First block of each group's inode table. */
  readonly #tables: readonly number[];

  private constructor(file: FileHandle, superblock: Buffer, groups: Buffer) {
    this.#file = file;
    this.#blockBytes = 1024 << superblock.readUInt32LE(24);
    this.#blocks = superblock.readUInt32LE(4);
    this.#inodes = superblock.readUInt32LE(0);
    this.#inodesPerGroup = superblock.readUInt32LE(40);
    this.#inodeBytes = superblock.readUInt16LE(88);
    const tables: number[] = [];
    for (let at = 8; at < groups.length; at += groupBytes) tables.push(groups.readUInt32LE(at));
    this.#tables = tables;
  }

  /** @throws DamagedImage; what the file system throws */
  static async open(file: FileHandle): Promise<Ext4Image> {
    const superblock = await readAt(file, 1024, 1024);
    const isOurs =
      superblock.readUInt16LE(56) === 0xef_53 &&
      superblock.readUInt32LE(24) === 2 &&
      superblock.readUInt16LE(88) === 256 &&
      superblock.readUInt32LE(40) > 0 &&
      superblock.readUInt32LE(32) === 32_768 &&
      (superblock.readUInt32LE(96) & ~knownIncompat) === 0;
    if (!isOurs) throw new DamagedImage("its superblock is not that of a cache");
    const groups = Math.ceil(superblock.readUInt32LE(4) / superblock.readUInt32LE(32));
    return new Ext4Image(file, superblock, await readAt(file, 4096, groups * groupBytes));
  }

  /** @throws DamagedImage */
  async inode(number: number): Promise<Inode> {
    const index = number - 1;
    const table = this.#tables[Math.floor(index / this.#inodesPerGroup)];
    if (index < 0 || number > this.#inodes || table === undefined) {
      throw new DamagedImage(`there is no inode ${number}`);
    }
    const offset = table * this.#blockBytes + (index % this.#inodesPerGroup) * this.#inodeBytes;
    const raw = await readAt(this.#file, offset, this.#inodeBytes);
    const mode = raw.readUInt16LE(0);
    const type = types[mode & 0xf000];
    if (type === undefined) throw new DamagedImage(`inode ${number} is of no type`);
    const block = raw.subarray(40, 100);
    return {
      number,
      type,
      mode: mode & 0o7777,
      uid: raw.readUInt16LE(2) + raw.readUInt16LE(120) * 2 ** 16,
      gid: raw.readUInt16LE(24) + raw.readUInt16LE(122) * 2 ** 16,
      sizeBytes: raw.readUInt32LE(4) + raw.readUInt32LE(108) * 2 ** 32,
      links: raw.readUInt16LE(26),
      mtime: Math.max(0, raw.readInt32LE(16) + (raw.readUInt32LE(136) & 3) * 2 ** 32),
      ...deviceOf(block),
      block: Buffer.from(block),
      hasExtents: (raw.readUInt32LE(32) & extentsFlag) !== 0,
    };
  }

  /** Names and inode numbers of a directory, without `.` and `..`. @throws DamagedImage */
  async *entries(
    directory: Inode,
  ): AsyncGenerator<{ readonly name: Buffer; readonly inode: number }> {
    for await (const run of this.runs(directory)) {
      for (let at = 0; at < run.bytes; at += this.#blockBytes) {
        yield* entriesOf(await readAt(this.#file, run.imageOffset + at, this.#blockBytes));
      }
    }
  }

  /** @throws DamagedImage */
  async linkTarget(link: Inode): Promise<Buffer> {
    if (link.sizeBytes > longestLink) throw new DamagedImage(`the link ${link.number} is too long`);
    if (!link.hasExtents) return Buffer.from(link.block.subarray(0, Math.min(link.sizeBytes, 60)));
    for await (const run of this.runs(link)) {
      return readAt(this.#file, run.imageOffset, Math.min(run.bytes, link.sizeBytes));
    }
    throw new DamagedImage(`the link ${link.number} has no target`);
  }

  /** The written content of a file or directory, in order, no byte twice. @throws DamagedImage */
  async *runs(inode: Inode): AsyncGenerator<Run> {
    if (!inode.hasExtents) {
      if (inode.sizeBytes === 0) return;
      throw new DamagedImage(`the content of inode ${inode.number} is not in extents`);
    }
    let next = 0;
    for await (const [first, count, start] of this.#extents(inode.block, deepestTree)) {
      const offset = first * this.#blockBytes;
      if (first < next || start === 0 || start + count > this.#blocks) {
        throw new DamagedImage(`the extents of inode ${inode.number} are wrong`);
      }
      next = first + count;
      const bytes = Math.min(count * this.#blockBytes, inode.sizeBytes - offset);
      if (bytes <= 0) return;
      yield { offset, imageOffset: start * this.#blockBytes, bytes };
    }
  }

  /** First block in the file, count, first block in the image; only of what was written. */
  async *#extents(node: Buffer, depthLeft: number): AsyncGenerator<[number, number, number]> {
    const count = node.readUInt16LE(2);
    const depth = node.readUInt16LE(6);
    if (
      node.readUInt16LE(0) !== extentMagic ||
      12 + count * 12 > node.length ||
      depth > depthLeft
    ) {
      throw new DamagedImage("a node of an extent tree is wrong");
    }
    for (let at = 12; at < 12 + count * 12; at += 12) {
      const first = node.readUInt32LE(at);
      if (depth === 0) {
        const length = node.readUInt16LE(at + 4);
        const start = node.readUInt16LE(at + 6) * 2 ** 32 + node.readUInt32LE(at + 8);
        if (length <= longestExtent) yield [first, length, start];
        continue;
      }
      const block = node.readUInt16LE(at + 8) * 2 ** 32 + node.readUInt32LE(at + 4);
      if (block >= this.#blocks) throw new DamagedImage("an extent tree leaves the image");
      const child = await readAt(this.#file, block * this.#blockBytes, this.#blockBytes);
      if (child.readUInt16LE(6) !== depth - 1) throw new DamagedImage("an extent tree has a loop");
      yield* this.#extents(child, depth - 1);
    }
  }
}

/** A group descriptor without `64bit`. */
const groupBytes = 32;

function* entriesOf(block: Buffer): Generator<{ readonly name: Buffer; readonly inode: number }> {
  for (let at = 0; at + 8 <= block.length;) {
    const inode = block.readUInt32LE(at);
    const recordBytes = block.readUInt16LE(at + 4);
    const nameBytes = block.readUInt8(at + 6);
    if (recordBytes < 8 || recordBytes % 4 !== 0 || at + recordBytes > block.length) {
      throw new DamagedImage("a directory is wrong");
    }
    const name = Buffer.from(block.subarray(at + 8, at + 8 + nameBytes));
    at += recordBytes;
    const isSelf = name.equals(Buffer.from(".")) || name.equals(Buffer.from(".."));
    if (inode === 0 || isSelf) continue;
    if (nameBytes === 0 || nameBytes + 8 > recordBytes || name.includes("/") || name.includes(0)) {
      throw new DamagedImage("a directory has a name that cannot be");
    }
    yield { name, inode };
  }
}

/** The device numbers of `i_block`: 8 bits each in the first word, or 12 and 20 in the second. */
function deviceOf(block: Buffer): { readonly major: number; readonly minor: number } {
  const old = block.readUInt32LE(0);
  if (old !== 0) return { major: (old >> 8) & 0xff, minor: old & 0xff };
  const word = block.readUInt32LE(4);
  return { major: (word >>> 8) & 0xfff, minor: (word & 0xff) | ((word >>> 12) & 0xf_ff00) };
}

async function readAt(file: FileHandle, offset: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(bytes);
  for (let done = 0; done < bytes;) {
    const { bytesRead } = await file.read(buffer, done, bytes - done, offset + done);
    if (bytesRead === 0) throw new DamagedImage("it ends too early");
    done += bytesRead;
  }
  return buffer;
}
