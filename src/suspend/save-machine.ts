/**
 * Saving a machine: everything that resumes it later, in one directory.
 */
import { copyFile, constants, link, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { failed, ok, type Result } from "../result.ts";
import { GuestMemory } from "./guest-memory.ts";
import { SavedRam, writeBase, writePart } from "./ram-part.ts";
import {
  baseName,
  changedFile,
  currentBootId,
  devicesName,
  diskName,
  fileNames,
  type MachineRecord,
  markFiles,
  pagesName,
  partName,
  readPages,
  recordName,
} from "./record.ts";
import type { SavedOrigin, WarmMachine } from "./warm-machine.ts";

export interface SaveOptions {
  /** A directory to make. */
  readonly dir: string;
  /** The disk to save with the RAM, because no layer will be it. */
  readonly diskPath?: string;
  readonly signal: AbortSignal;
  /** Nothing writes to the machine's disk any more, and others may open it. */
  readonly onDiskReleased?: (() => void) | undefined;
}

/**
 * Pauses the machine and saves it; it stays paused. Gives where its RAM now comes from, for the next
 * saving. On failure, told in words, nothing is left in `dir`.
 */
export async function saveMachine(
  warm: WarmMachine,
  options: SaveOptions,
): Promise<Result<SavedOrigin, string>> {
  const { dir } = options;
  try {
    const saved = await save(warm, options);
    if (!saved.ok) await rm(dir, { recursive: true, force: true });
    return saved;
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    return failed((error as Error).message);
  }
}

async function save(
  warm: WarmMachine,
  { dir, diskPath, signal, onDiskReleased }: SaveOptions,
): Promise<Result<SavedOrigin, string>> {
  const { monitor } = warm.machine;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  for (const [command, args] of [
    ["stop", {}],
    // Despite its name it serves every machine: device state alone, without RAM and disks (QAPI). With it
    // QEMU gives up its locks on the disks; a stopped machine still has them, and no check can read along.
    ["xen-save-devices-state", { filename: join(dir, devicesName) }],
  ] as const) {
    const done = await monitor.execute(command, args, signal);
    if (!done.ok)
      return failed(`${command}: ${"message" in done.error ? done.error.message : "cancelled"}`);
  }
  onDiskReleased?.();
  const saved = await saveRam(warm, dir);
  if (!saved.ok) return saved;
  const parts = saved.value;
  if (diskPath !== undefined) {
    await copyFile(diskPath, join(dir, diskName), constants.COPYFILE_FICLONE);
  }
  const record: MachineRecord = {
    version: 1,
    bootId: await currentBootId(),
    fingerprint: warm.fingerprint,
    files: await markFiles(dir, fileNames(parts, diskPath !== undefined)),
    parts,
    hasDisk: diskPath !== undefined,
    baseline: warm.baseline,
  };
  await writeFile(join(dir, recordName), JSON.stringify(record), { mode: 0o600 });
  return ok({ kind: "saved", dir, parts, files: record.files });
}

/** Gives the number of parts. */
async function saveRam(
  { origin, machine, ramFile, memoryBytes }: WarmMachine,
  dir: string,
): Promise<Result<number, string>> {
  await using memory = await GuestMemory.open(machine.pid, ramFile);
  if (origin.kind === "booted") {
    await writeBase(join(dir, baseName), memory, memoryBytes);
    return ok(0);
  }
  const number = origin.parts + 1;
  const shared = origin.files.filter(({ name }) => name !== devicesName && name !== diskName);
  for (const { name } of shared) await link(join(origin.dir, name), join(dir, name));
  // Pages that were never written are still those of the machine it began with, and of no other.
  if ((await changedFile(dir, shared)) !== undefined) {
    return failed("another machine is in the place of the one it began with");
  }
  await using saved = await openRam(dir, origin.parts);
  const runs = await writePart(join(dir, partName(number)), memory, saved);
  await writeFile(join(dir, pagesName(number)), JSON.stringify(runs), { mode: 0o600 });
  return ok(number);
}

/** The RAM of the machine saved in `dir`. @throws what the file system throws */
export async function openRam(dir: string, parts: number): Promise<SavedRam> {
  const numbers = Array.from({ length: parts }, (_, index) => index + 1);
  return SavedRam.open(
    join(dir, baseName),
    await Promise.all(
      numbers.map(async (number) => ({
        path: join(dir, partName(number)),
        runs: await readPages(dir, number),
      })),
    ),
  );
}
