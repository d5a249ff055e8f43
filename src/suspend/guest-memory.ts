/**
 * A guest's RAM as the kernel shows it of a QEMU that maps a file privately (proc(5)): `maps` tells where
 * the file is mapped, `pagemap` which of its pages the guest has written, `mem` what they hold.
 */
import { constants, readSync, writeSync } from "node:fs";
import { type FileHandle, open, readFile } from "node:fs/promises";
import { basename } from "node:path";

/** Bytes of a page, the unit in which the kernel tells what was written. */
export const pageBytes = 4096;

/** A piece of the file, mapped at an address of QEMU's. */
export interface Mapping {
  readonly address: number;
  readonly fileOffset: number;
  readonly bytes: number;
}

/** Pages that lie beside each other, by their number in the guest's RAM. */
export interface PageRun {
  readonly first: number;
  readonly count: number;
}

/**
 * The pieces of a file that `maps`, the text of `/proc/PID/maps`, shows; in order of the file. A device is
 * known by its path, a file by its name alone, which must be its only: its directory may be renamed and
 * the file removed while it is mapped, and on an overlay filesystem its inode is shown as another one.
 */
export function parseMaps(maps: string, file: string): Mapping[] {
  const mappings: Mapping[] = [];
  for (const line of maps.split("\n")) {
    const [, start, end, offset, path] =
      /^([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+) \S+ \d+ +(.*?)(?: \(deleted\))?$/.exec(line) ?? [];
    if (start === undefined || end === undefined || offset === undefined) continue;
    if (path !== file && basename(path ?? "") !== file) continue;
    const address = Number.parseInt(start, 16);
    const bytes = Number.parseInt(end, 16) - address;
    mappings.push({ address, bytes, fileOffset: Number.parseInt(offset, 16) });
  }
  return mappings.sort((a, b) => a.fileOffset - b.fileOffset);
}

/** Runs of pages that are the process's own, from the entries of a `pagemap`; `first` is their number. */
export function privateRuns(pagemap: Buffer, first: number): PageRun[] {
  const runs: PageRun[] = [];
  let start = -1;
  const pages = pagemap.length / 8;
  for (let page = 0; page <= pages; page++) {
    // Bits 63 (present), 62 (swapped out) and 61 (of a file, or shared) of a little-endian entry.
    const top = page === pages ? 0 : (pagemap[page * 8 + 7] ?? 0);
    const isPrivate = (top & 0xc0) !== 0 && (top & 0x20) === 0;
    if (isPrivate && start < 0) start = page;
    if (!isPrivate && start >= 0) {
      runs.push({ first: first + start, count: page - start });
      start = -1;
    }
  }
  return runs;
}

/**
 * The RAM of a stopped guest.
 *
 * Pages are read and written synchronously: it is copying memory, a few microseconds for a page, and going
 * through Node's thread pool takes ten times as long.
 */
export class GuestMemory implements AsyncDisposable {
  readonly #mem: FileHandle;
  readonly #pid: number;
  readonly #mappings: readonly Mapping[];

  private constructor(mem: FileHandle, pid: number, mappings: readonly Mapping[]) {
    this.#mem = mem;
    this.#pid = pid;
    this.#mappings = mappings;
  }

  /**
   * Opens the RAM of QEMU process `pid`, which maps `file`, see {@link parseMaps}.
   *
   * @throws what the system throws where the kernel does not let a process look into its child (Yama,
   * seccomp), and an `Error` when the file is not mapped
   */
  static async open(pid: number, file: string): Promise<GuestMemory> {
    const mappings = parseMaps(await readFile(`/proc/${pid}/maps`, "latin1"), file);
    if (mappings.length === 0) throw new Error(`process ${pid} does not map its RAM's file`);
    const mem = await open(`/proc/${pid}/mem`, constants.O_RDWR);
    return new GuestMemory(mem, pid, mappings);
  }

  /** Every page that differs, or may differ, from the mapped file. */
  async writtenPages(): Promise<readonly PageRun[]> {
    await using pagemap = await open(`/proc/${this.#pid}/pagemap`, "r");
    const runs: PageRun[] = [];
    for (const { address, bytes, fileOffset } of this.#mappings) {
      const entries = Buffer.allocUnsafe((bytes / pageBytes) * 8);
      readFullySync(pagemap, entries, (address / pageBytes) * 8);
      runs.push(...privateRuns(entries, fileOffset / pageBytes));
    }
    return runs;
  }

  /** Reads RAM from the byte `offset` into the whole of `buffer`. */
  read(buffer: Buffer, offset: number): void {
    for (const piece of this.#pieces(offset, buffer.length)) {
      readFullySync(this.#mem, buffer.subarray(piece.at, piece.at + piece.bytes), piece.address);
    }
  }

  /** Writes the whole of `buffer` to RAM at the byte `offset`. */
  write(buffer: Buffer, offset: number): void {
    for (const piece of this.#pieces(offset, buffer.length)) {
      const written = writeSync(this.#mem.fd, buffer, piece.at, piece.bytes, piece.address);
      if (written !== piece.bytes) throw new Error("a write to the guest's memory was cut short");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#mem.close();
  }

  /** A range of RAM by the mappings it lies in. */
  *#pieces(
    offset: number,
    bytes: number,
  ): Generator<{ readonly at: number; readonly address: number; readonly bytes: number }> {
    const end = offset + bytes;
    let next = offset;
    for (const mapping of this.#mappings) {
      const mappingEnd = mapping.fileOffset + mapping.bytes;
      if (next < mapping.fileOffset || next >= mappingEnd) continue;
      const length = Math.min(end, mappingEnd) - next;
      yield {
        at: next - offset,
        address: mapping.address + next - mapping.fileOffset,
        bytes: length,
      };
      next += length;
      if (next === end) return;
    }
    if (next !== end) throw new Error(`the guest has no memory at ${next}`);
  }
}

/** Fills `buffer` from `position`. @throws Error when the file ends before */
export function readFullySync(file: FileHandle, buffer: Buffer, position: number): void {
  let done = 0;
  while (done < buffer.length) {
    const bytes = readSync(file.fd, buffer, done, buffer.length - done, position + done);
    if (bytes === 0) throw new Error("the file ends before its content does");
    done += bytes;
  }
}
