/**
 * The RAM of a suspended machine: a base file that QEMU maps, and parts with the pages that were written
 * since, each of which replaces what came before it.
 *
 * The base is sparse and holds a page at its place. A part holds its pages one after the other; which they
 * are is written down beside it, and pages that are all zero take no room in it.
 */
import { writeSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { type GuestMemory, pageBytes, type PageRun, readFullySync } from "./guest-memory.ts";

/** Pages of a part: `count` of them from page `first` of the RAM, in the file unless all zero. */
export type PartRun = readonly [first: number, count: number, content: "data" | "zero"];

/** Bytes that are read or written at once. */
const batchBytes = 2 ** 20;
const batchPages = batchBytes / pageBytes;
const zeroPage = Buffer.alloc(pageBytes);

/** Where the saved content of a page is. */
interface Place {
  readonly file: FileHandle | undefined;
  readonly offset: number;
}

/** The RAM that a machine was started from, for comparing and for starting another one. */
export class SavedRam implements AsyncDisposable {
  readonly #base: FileHandle;
  readonly #parts: FileHandle[];
  /** Pages that are not the base's. */
  readonly #places = new Map<number, Place>();

  private constructor(base: FileHandle, parts: FileHandle[]) {
    this.#base = base;
    this.#parts = parts;
  }

  /** @throws what the file system throws */
  static async open(
    basePath: string,
    parts: readonly { readonly path: string; readonly runs: readonly PartRun[] }[],
  ): Promise<SavedRam> {
    const base = await open(basePath, "r");
    const files: FileHandle[] = [];
    const ram = new SavedRam(base, files);
    try {
      for (const { path, runs } of parts) {
        const file = await open(path, "r");
        files.push(file);
        let offset = 0;
        for (const [first, count, content] of runs) {
          for (let page = first; page < first + count; page++) {
            if (content === "zero") {
              ram.#places.set(page, { file: undefined, offset: 0 });
            } else {
              ram.#places.set(page, { file, offset });
              offset += pageBytes;
            }
          }
        }
      }
      return ram;
    } catch (error) {
      await ram[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Gives a guest whose QEMU maps the base what the parts hold. */
  async load(memory: GuestMemory): Promise<void> {
    const pages = [...this.#places.keys()].sort((a, b) => a - b);
    for (const run of runsOf(pages)) {
      for (const { first, count } of batches(run)) {
        memory.write(this.read(first, count), first * pageBytes);
      }
    }
  }

  /** The saved content of `count` pages from `first`. */
  read(first: number, count: number): Buffer {
    const buffer = Buffer.alloc(count * pageBytes);
    let at = 0;
    while (at < count) {
      const place = this.#places.get(first + at);
      let length = 1;
      while (at + length < count && follows(place, this.#places.get(first + at + length), length)) {
        length++;
      }
      const target = buffer.subarray(at * pageBytes, (at + length) * pageBytes);
      if (place === undefined) readFullySync(this.#base, target, (first + at) * pageBytes);
      else if (place.file !== undefined) readFullySync(place.file, target, place.offset);
      at += length;
    }
    return buffer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#base, ...this.#parts].map((file) => file.close()));
  }
}

function follows(first: Place | undefined, next: Place | undefined, distance: number): boolean {
  if (first === undefined || next === undefined) return first === next;
  if (first.file !== next.file) return false;
  return first.file === undefined || next.offset === first.offset + distance * pageBytes;
}

/**
 * Writes the pages of `memory` that differ from `saved` to a new part at `path`, and tells which they are.
 */
export async function writePart(
  path: string,
  memory: GuestMemory,
  saved: SavedRam,
): Promise<readonly PartRun[]> {
  await using file = await open(path, "wx", 0o600);
  const runs: PartRun[] = [];
  let offset = 0;
  for await (const { first, count } of pagesToSave(memory)) {
    const now = Buffer.allocUnsafe(count * pageBytes);
    memory.read(now, first * pageBytes);
    for (const [from, length, content] of changedRuns(now, saved.read(first, count))) {
      append(runs, [first + from, length, content]);
      if (content === "zero") continue;
      const bytes = length * pageBytes;
      writeFully(file, now.subarray(from * pageBytes, from * pageBytes + bytes), offset);
      offset += bytes;
    }
  }
  return runs;
}

/** Writes the pages of a machine that was started from empty RAM to a new base file at `path`. */
export async function writeBase(
  path: string,
  memory: GuestMemory,
  memoryBytes: number,
): Promise<void> {
  await using file = await open(path, "wx", 0o600);
  await file.truncate(memoryBytes);
  for await (const { first, count } of pagesToSave(memory)) {
    const now = Buffer.allocUnsafe(count * pageBytes);
    memory.read(now, first * pageBytes);
    for (const [from, length, content] of changedRuns(now, undefined)) {
      if (content === "zero") continue;
      const data = now.subarray(from * pageBytes, (from + length) * pageBytes);
      writeFully(file, data, (first + from) * pageBytes);
    }
  }
}

/** The pages a guest has written, in pieces; others get their turn in between. */
async function* pagesToSave(memory: GuestMemory): AsyncGenerator<PageRun> {
  let pages = 0;
  for (const run of await memory.writtenPages()) {
    for (const batch of batches(run)) {
      yield batch;
      pages += batch.count;
      if (pages < batchPages) continue;
      pages = 0;
      await setImmediate();
    }
  }
}

/** Runs of pages in `now` that are not as `before`, by their place in the buffer. */
function* changedRuns(now: Buffer, before: Buffer | undefined): Generator<PartRun> {
  const pages = now.length / pageBytes;
  let start = 0;
  let kind: "same" | "data" | "zero" = "same";
  for (let page = 0; page <= pages; page++) {
    const next = page === pages ? undefined : pageKind(now, before, page);
    if (next === kind) continue;
    if (kind !== "same") yield [start, page - start, kind];
    start = page;
    if (next !== undefined) kind = next;
  }
}

function pageKind(now: Buffer, before: Buffer | undefined, page: number): "same" | "data" | "zero" {
  const from = page * pageBytes;
  const to = from + pageBytes;
  if (before !== undefined && now.compare(before, from, to, from, to) === 0) return "same";
  return now.compare(zeroPage, 0, pageBytes, from, to) === 0 ? "zero" : "data";
}

function append(runs: PartRun[], run: PartRun): void {
  const last = runs.at(-1);
  if (last !== undefined && last[0] + last[1] === run[0] && last[2] === run[2]) {
    runs[runs.length - 1] = [last[0], last[1] + run[1], last[2]];
  } else {
    runs.push(run);
  }
}

function* runsOf(pages: readonly number[]): Generator<PageRun> {
  let first = -1;
  let count = 0;
  for (const page of pages) {
    if (page === first + count) {
      count++;
      continue;
    }
    if (count > 0) yield { first, count };
    first = page;
    count = 1;
  }
  if (count > 0) yield { first, count };
}

function* batches({ first, count }: PageRun): Generator<PageRun> {
  for (let at = 0; at < count; at += batchPages) {
    yield { first: first + at, count: Math.min(batchPages, count - at) };
  }
}

function writeFully(file: FileHandle, buffer: Buffer, position: number): void {
  let done = 0;
  while (done < buffer.length) {
    done += writeSync(file.fd, buffer, done, buffer.length - done, position + done);
  }
}
