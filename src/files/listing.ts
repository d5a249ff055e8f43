/** What lies below a path of an image: asked for in shell, read from its answer. Pure. */
import { quoteArgv, quoteWord } from "../machine/posix-quote.ts";

/** What an entry is, as find(1) and `ls -l` tell it. */
export type FileType =
  | "file"
  | "directory"
  | "symlink"
  | "fifo"
  | "socket"
  | "block-device"
  | "character-device";

/** One entry of a file system. */
export interface FileEntry {
  /** Absolute in the image. Bytes that are no UTF-8 are replaced. */
  readonly path: string;
  readonly type: FileType;
  /** Permission bits, setuid and the like included. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  /** Seconds since 1970. */
  readonly modifiedAt: number;
  /** Of a symlink: its text. */
  readonly target?: string;
}

/** An entry, and what tells it apart from others and from itself before a change. */
export interface ListedEntry extends FileEntry {
  /**
   * The inode's number and the time of its last change: of two disks of which one was made of the other, what has the same
   * is the same. Absent where the file system keeps whole seconds, within which there may be a second change.
   */
  readonly identity?: string;
}

/** What scripts that read share. `/dev` and `/proc` are the machine's there, not the image's. */
export const readingFunctions = `
fail() { printf 'impossible\\0'; echo "$1" >&2; exit 1; }
# place PATH: what it leads to, into place
place() {
  place=$(readlink -f "$1") && [ -e "$place" ] || fail "there is nothing at $1"
  case $place/ in /dev/?* | /proc/?*) fail "what is in /dev and /proc comes with a boot" ;; esac
}
`;

/** Lists what is at `path`, and what is in it when that is a directory; `recursive` lists all below. */
export function listScript(path: string, { recursive }: { readonly recursive: boolean }): string {
  const depth = recursive ? "" : "-maxdepth 1";
  return `${readingFunctions}
place ${quoteWord(path)}
# Three times in the same order; busybox' xargs, with which once would do, takes long lists apart in the wrong places.
hidden='-path /dev/* -o -path /proc/*'
case $MADE in */dev*) hidden="$hidden -o -path /dev" ;; esac
case $MADE in */proc*) hidden="$hidden -o -path /proc" ;; esac
set -f
each() { find "$place" ${depth} \\( $hidden \\) -prune -o "$@"; }
each -print0 >/dev/names &&
  each -exec stat -c '%f %u %g %s %Y %i %z' {} + >/dev/facts &&
  each -type l -exec stat -c %N {} + >/dev/links ||
  fail 'the file system cannot be read'
{
  echo $(stat -c %s /dev/names /dev/facts /dev/links)
  cat /dev/names /dev/facts /dev/links
} >/dev/listing
# A disk takes whole sectors.
dd if=/dev/listing of=/dev/data bs=1M conv=sync 2>/dev/null && sync
`;
}

/** Writes an archive of files, which are named absolutely; all names together fit on a command line. */
export function contentsScript(paths: readonly string[]): string {
  return `${readingFunctions}
cd /
tar -c -f /dev/data -- ${quoteArgv(paths.map((path) => path.slice(1)))} || fail 'not everything could be read'
sync
`;
}

/** How many bytes of what {@link listScript} writes its answer takes, which `head` begins. */
export function listingBytes(head: Buffer): number {
  const { sizes, start } = headOf(head);
  return sizes.reduce((sum, size) => sum + size, start);
}

/** Reads the answer. The paths are in the order of `ls`: by their bytes, directories before what is in them. */
export function parseListing(answer: Buffer): readonly ListedEntry[] {
  const { sizes, start } = headOf(answer);
  const [nameBytes = 0, factBytes = 0, linkBytes = 0] = sizes;
  const names = nulSeparated(answer.subarray(start, start + nameBytes));
  const factsAt = start + nameBytes;
  const facts = answer
    .subarray(factsAt, factsAt + factBytes)
    .toString("latin1")
    .split("\n");
  const linksAt = factsAt + factBytes;
  const links = answer.subarray(linksAt, linksAt + linkBytes).toString("utf8");
  if (facts.length !== names.length + 1) throw new Error("Internal error: a torn listing");
  const entries = names.map((path, index): Writable<ListedEntry> => {
    const [mode = "", ...rest] = facts[index]?.split(" ") ?? [];
    const [uid = 0, gid = 0, sizeBytes = 0, modifiedAt = 0] = rest.slice(0, 4).map(Number);
    const identity = rest.slice(4).join(" ");
    const bits = Number.parseInt(mode, 16);
    const type = types[bits >> 12] ?? "file";
    const own = { path, type, mode: bits & 0o7777, uid, gid, sizeBytes, modifiedAt };
    const about = /\.0*[1-9]/.test(identity) ? { ...own, identity } : own;
    return about;
  });
  setTargets(entries, links);
  return entries.sort((a, b) => byComponents(a.path, b.path));
}

type Writable<T> = { -readonly [key in keyof T]: T[key] };

/**
 * Gives symlinks their texts. stat(1) has written `'NAME' -> 'TEXT'` and a line break for each, in their order, with
 * quotes and line breaks as they are: where a text ends is told by the next name.
 */
function setTargets(entries: readonly Writable<ListedEntry>[], links: string): void {
  const symlinks = entries.filter(({ type }) => type === "symlink");
  let at = 0;
  for (const [index, entry] of symlinks.entries()) {
    const start = `'${entry.path}' -> '`;
    const next = symlinks[index + 1];
    const ending = next === undefined ? "'\n" : `'\n'${next.path}' -> '`;
    const end = next === undefined ? links.length - ending.length : links.indexOf(ending, at);
    if (!links.startsWith(start, at) || end < at + start.length) {
      throw new Error("Internal error: torn symlinks");
    }
    entry.target = links.slice(at + start.length, end);
    at = end + 2;
  }
}

/** An entry without what only comparisons use. */
export function plainEntry(entry: ListedEntry): FileEntry {
  const { path, type, mode, uid, gid, sizeBytes, modifiedAt, target } = entry;
  const plain = { path, type, mode, uid, gid, sizeBytes, modifiedAt };
  return target === undefined ? plain : { ...plain, target };
}

/** What the upper bits of a mode say (inode(7)). */
const types: Readonly<Record<number, FileType>> = {
  0o01: "fifo",
  0o02: "character-device",
  0o04: "directory",
  0o06: "block-device",
  0o10: "file",
  0o12: "symlink",
  0o14: "socket",
};

function headOf(answer: Buffer): { readonly sizes: readonly number[]; readonly start: number } {
  const end = answer.indexOf("\n");
  const sizes = answer.subarray(0, Math.max(end, 0)).toString("latin1").split(" ").map(Number);
  if (end < 0 || sizes.length !== 3 || sizes.some((size) => !Number.isSafeInteger(size))) {
    throw new Error("Internal error: a listing without its sizes");
  }
  return { sizes, start: end + 1 };
}

function nulSeparated(bytes: Buffer): readonly string[] {
  return bytes.toString("utf8").split("\0").slice(0, -1);
}

function byComponents(a: string, b: string): number {
  const [first, second] = [a.split("/"), b.split("/")];
  for (const [index, part] of first.entries()) {
    const other = second[index];
    if (other === undefined) return 1;
    if (part !== other) return part < other ? -1 : 1;
  }
  return first.length - second.length;
}
