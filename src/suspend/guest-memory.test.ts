import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { GuestMemory, pageBytes, parseMaps, privateRuns } from "./guest-memory.ts";
import { SavedRam, writeBase, writePart } from "./ram-part.ts";

test("finds the pieces of a file by its name, wherever it is by now", () => {
  const maps = `7f0000000000-7f0000002000 rw-p 00000000 fe:00 42                 /a b/ram-17 (deleted)
7f0000002000-7f0000003000 rw-p 00002000 fe:00 42                 /a b/ram-17 (deleted)
7f1000000000-7f1000001000 r-xp 00000000 fe:00 7                  /usr/lib/ram-17.so
7f1000002000-7f1000004000 rw-p 00000000 00:05 4                  /dev/zero
7f2000000000-7f2000001000 rw-p 00000000 00:00 0 `;
  expect(parseMaps(maps, "ram-17")).toEqual([
    { address: 0x7f0000000000, bytes: 0x2000, fileOffset: 0 },
    { address: 0x7f0000002000, bytes: 0x1000, fileOffset: 0x2000 },
  ]);
  expect(parseMaps(maps, "/dev/zero")).toEqual([
    { address: 0x7f1000002000, bytes: 0x2000, fileOffset: 0 },
  ]);
});

test("takes present and swapped-out pages that are not the file's", () => {
  const present = 0x80;
  const swapped = 0x40;
  const ofFile = 0x20;
  const tops = [0, present, present, present | ofFile, swapped, 0, present];
  const pagemap = Buffer.alloc(tops.length * 8);
  for (const [page, top] of tops.entries()) pagemap[page * 8 + 7] = top;
  expect(privateRuns(pagemap, 100)).toEqual([
    { first: 101, count: 2 },
    { first: 104, count: 1 },
    { first: 106, count: 1 },
  ]);
});

const memoryBytes = 64 * 2 ** 20;
let dir: string;
const running: ChildProcess[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-memory-"));
});

afterEach(async () => {
  for (const qemu of running.splice(0)) {
    qemu.kill("SIGKILL");
    await once(qemu, "close");
  }
  await rm(dir, { recursive: true, force: true });
});

/** The memory of a QEMU that maps `ramPath` and never runs. */
async function stoppedGuest(ramPath: string): Promise<GuestMemory> {
  const argv = `-nodefaults -display none -S -machine q35,memory-backend=ram -m 64M -accel tcg,tb-size=16`;
  const ram = `memory-backend-file,id=ram,size=64M,mem-path=${ramPath},share=off`;
  const qemu = spawn("qemu-system-x86_64", [...argv.split(" "), "-object", ram]);
  running.push(qemu);
  for (;;) {
    try {
      return await GuestMemory.open(qemu.pid as number, basename(ramPath));
    } catch (error) {
      if (qemu.exitCode !== null) throw error;
      await delay(20);
    }
  }
}

function page(letter: string): Buffer {
  return Buffer.alloc(pageBytes, letter);
}

test("a chain of parts gives every page as it was last written, and holds only what changed", async () => {
  const empty = join(dir, "saved-empty");
  await writeFile(empty, "");
  await truncate(empty, memoryBytes);
  const base = join(dir, "saved-base");
  {
    await using memory = await stoppedGuest(empty);
    // High up, where no firmware is.
    memory.write(Buffer.concat([page("a"), page("b"), page("c")]), 1000 * pageBytes);
    await writeBase(base, memory, memoryBytes);
  }
  expect((await stat(base)).size).toBe(memoryBytes);
  expect((await stat(base)).blocks * 512).toBeLessThan(2 ** 20);

  await using memory = await stoppedGuest(base);
  memory.write(Buffer.concat([page("B"), page("\0")]), 1001 * pageBytes);
  memory.write(page("d"), 2000 * pageBytes);
  memory.write(page("a"), 1000 * pageBytes);
  const first = { path: join(dir, "ram-1"), runs: [] as Awaited<ReturnType<typeof writePart>> };
  {
    await using saved = await SavedRam.open(base, []);
    first.runs = await writePart(first.path, memory, saved);
  }
  expect(first.runs.filter(([from]) => from >= 1000 && from < 3000)).toEqual([
    [1001, 1, "data"],
    [1002, 1, "zero"],
    [2000, 1, "data"],
  ]);

  memory.write(page("D"), 2000 * pageBytes);
  const second = { path: join(dir, "ram-2"), runs: [] as typeof first.runs };
  {
    await using saved = await SavedRam.open(base, [first]);
    second.runs = await writePart(second.path, memory, saved);
  }
  expect(second.runs).toEqual([[2000, 1, "data"]]);
  expect((await stat(second.path)).size).toBe(pageBytes);

  await using other = await stoppedGuest(base);
  await using saved = await SavedRam.open(base, [first, second]);
  await saved.load(other);
  const now = Buffer.alloc(3 * pageBytes);
  other.read(now, 1000 * pageBytes);
  expect(now.equals(Buffer.concat([page("a"), page("B"), page("\0")]))).toBe(true);
  other.read(now.subarray(0, pageBytes), 2000 * pageBytes);
  expect(now.subarray(0, pageBytes).equals(page("D"))).toBe(true);
});
