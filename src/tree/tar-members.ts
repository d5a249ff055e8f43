/**
 * The table of contents of a tar archive in a file. The archive is a guest's, so nothing in it is believed: sizes
 * and numbers of members are bounded, names are taken apart, and content is neither read nor interpreted.
 */
import type { FileHandle } from "node:fs/promises";
import { failed, ok, type Result } from "../result.ts";
import type { TreeFailure } from "./failure.ts";
import {
  blockBytes,
  type HeaderBlock,
  readHeaderBlock,
  readPaxRecords,
  text,
} from "./tar-header-block.ts";

/** One member. Names are relative to the archive's root: no empty, `.` or `..` components; `""` is the root. */
export interface TarMember {
  readonly path: string;
  readonly kind: "file" | "directory" | "symlink" | "hard-link" | "special";
  /** Permission bits, setuid and the like included. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Of a file's content; 0 for anything else. */
  readonly sizeBytes: number;
  /** Where the content begins in the archive. */
  readonly offsetBytes: number;
  /** A symlink's text, or the path of a hard link's earlier member; `""` for anything else. */
  readonly linkTarget: string;
}

/** Bounds that no real tree comes near. */
export interface TarLimits {
  readonly members: number;
  /** Of all names and link texts together. */
  readonly nameBytes: number;
}

const defaultLimits: TarLimits = { members: 2_000_000, nameBytes: 512 * 2 ** 20 };

/** Of one long name or pax header; Linux takes no path longer than 4096 bytes. */
const maxExtraBytes = 64 * 1024;

const windowBytes = 256 * 1024;

/** Lists the members of the archive in order. What follows its end is not looked at. */
export async function readTarMembers(
  file: FileHandle,
  limits: TarLimits = defaultLimits,
): Promise<Result<readonly TarMember[], TreeFailure>> {
  const { size } = await file.stat();
  try {
    const members: TarMember[] = [];
    for await (const member of walk(new Window(file, size), limits)) members.push(member);
    return ok(members);
  } catch (error) {
    if (error instanceof Refused) return failed(error.failure);
    throw error;
  }
}

/** Leaves the walk from any depth; never leaves this file. */
class Refused extends Error {
  readonly failure: TreeFailure;

  constructor(failure: TreeFailure) {
    super(failure.reason);
    this.failure = failure;
  }
}

function invalid(message: string): Refused {
  return new Refused({ reason: "archive-invalid", message });
}

/** Reads a file piece by piece, in order mostly. */
class Window {
  readonly #file: FileHandle;
  readonly #sizeBytes: number;
  #start = 0;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(file: FileHandle, sizeBytes: number) {
    this.#file = file;
    this.#sizeBytes = sizeBytes;
  }

  has(end: number): boolean {
    return end <= this.#sizeBytes;
  }

  /** A copy of `length` bytes, at most `windowBytes`. */
  async at(offset: number, length: number): Promise<Buffer> {
    const isInside = offset >= this.#start && offset + length <= this.#start + this.#bytes.length;
    if (!isInside) {
      const buffer = Buffer.alloc(windowBytes);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await this.#file.read(
          buffer,
          filled,
          windowBytes - filled,
          offset + filled,
        );
        if (bytesRead === 0) throw invalid("it is cut off");
        filled += bytesRead;
      }
      this.#start = offset;
      this.#bytes = buffer.subarray(0, filled);
    }
    return Buffer.from(this.#bytes.subarray(offset - this.#start, offset - this.#start + length));
  }
}

/** What extra headers say of the member after them. */
interface Extra {
  name?: Buffer;
  linkTarget?: Buffer;
  sizeBytes?: number;
  uid?: number;
  gid?: number;
}

async function* walk(archive: Window, limits: TarLimits): AsyncGenerator<TarMember> {
  let extra: Extra = {};
  let members = 0;
  let nameBytes = 0;
  for (let offset = 0; ;) {
    if (!archive.has(offset + blockBytes)) throw invalid("it is cut off");
    const block = readHeaderBlock(await archive.at(offset, blockBytes));
    if (block === "end") return;
    if (block === undefined) throw invalid(`there is no header at byte ${offset}`);
    const content = offset + blockBytes;
    const sizeBytes = extra.sizeBytes ?? block.sizeBytes;
    // Hard links may repeat the size of their file, without its content.
    const hasContent = !"123456".includes(block.typeFlag);
    const end = content + (hasContent ? Math.ceil(sizeBytes / blockBytes) * blockBytes : 0);
    if (!archive.has(end)) throw invalid("it is cut off");
    offset = end;
    if ("LKxg".includes(block.typeFlag)) {
      if (sizeBytes > maxExtraBytes) throw invalid("a name is too long");
      extra = withExtra(extra, block.typeFlag, await archive.at(content, sizeBytes));
      continue;
    }
    const member = memberOf({ ...block, ...extra, sizeBytes }, content);
    extra = {};
    members += 1;
    nameBytes += member.path.length + member.linkTarget.length;
    if (members > limits.members || nameBytes > limits.nameBytes)
      throw invalid("it has too many members");
    yield member;
  }
}

function withExtra(extra: Extra, typeFlag: string, content: Buffer): Extra {
  switch (typeFlag) {
    case "L":
      return { ...extra, name: text(content) };
    case "K":
      return { ...extra, linkTarget: text(content) };
    case "x":
      return { ...extra, ...paxExtra(content) };
    default:
      // What holds for the whole archive is a comment or the like.
      return extra;
  }
}

function paxExtra(content: Buffer): Extra {
  const records = readPaxRecords(content);
  if (records === undefined) throw invalid("a pax header is damaged");
  const extra: Extra = {};
  for (const [key, value] of records) {
    if (key.startsWith("GNU.sparse.")) throw invalid("it holds sparse files");
    if (key === "path") extra.name = value;
    if (key === "linkpath") extra.linkTarget = value;
    if (key === "size") extra.sizeBytes = decimal(value, Number.MAX_SAFE_INTEGER);
    if (key === "uid") extra.uid = decimal(value, 2 ** 32 - 1);
    if (key === "gid") extra.gid = decimal(value, 2 ** 32 - 1);
  }
  return extra;
}

function decimal(value: Buffer, max: number): number {
  const digits = value.toString("latin1");
  const number = /^\d{1,16}$/.test(digits) ? Number(digits) : Number.NaN;
  if (!(number <= max)) throw invalid("a pax header is damaged");
  return number;
}

function memberOf(block: HeaderBlock, offsetBytes: number): TarMember {
  const { mode, uid, gid } = block;
  const kind = kindOf(block);
  const name = utf8(block.name);
  const hasLink = kind === "symlink" || kind === "hard-link";
  const link = hasLink ? utf8(block.linkTarget, name) : "";
  if (hasLink && (link === "" || link.includes("\0"))) throw invalid("a link has no proper target");
  return {
    path: relative(name),
    kind,
    mode,
    uid,
    gid,
    sizeBytes: kind === "file" ? block.sizeBytes : 0,
    offsetBytes,
    linkTarget: kind === "hard-link" ? relative(link) : link,
  };
}

function kindOf({ typeFlag, name }: HeaderBlock): TarMember["kind"] {
  switch (typeFlag) {
    case "0":
    case "\0":
    case "7":
      // Before there was a type for them, directories were files of such names.
      return name.at(-1) === 0x2f ? "directory" : "file";
    case "1":
      return "hard-link";
    case "2":
      return "symlink";
    case "5":
      return "directory";
    case "3":
    case "4":
    case "6":
      return "special";
    default:
      throw invalid(`it has a member of the unknown type ${JSON.stringify(typeFlag)}`);
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function utf8(bytes: Buffer, path = bytes.toString("utf8")): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new Refused({ reason: "name-not-utf8", path });
  }
}

function relative(name: string): string {
  const components = name.split("/").filter((part) => part !== "" && part !== ".");
  if (components.includes("..")) throw invalid("a name leads out of it");
  if (name.includes("\0")) throw invalid("a name has a NUL");
  return components.join("/");
}
