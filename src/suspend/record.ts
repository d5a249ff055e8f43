/**
 * The directory of a suspended machine:
 *
 *     machine.json     what it is, written last
 *     devices          the state of processor and devices, as QEMU writes it
 *     ram-base         RAM of the machine the chain began with; the same file in every directory of the chain
 *     ram-N            pages changed since, part by part; likewise shared with the machines before
 *     ram-N.json       which pages these are
 *     disk.qcow2       the disk, where it is not the layer's own: a machine that has booted and done nothing
 *
 * Files are shared by hard links, so that a machine needs no other and may be dropped at any time. Nothing
 * in it is synced: it counts only until the host is started again.
 */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { failed, ok, type Result } from "../result.ts";
import type { Fingerprint } from "./fingerprint.ts";
import type { PartRun } from "./ram-part.ts";

/** What `machine.json` says. */
export interface MachineRecord {
  readonly version: 1;
  /** The host's boot in which it was saved (`/proc/sys/kernel/random/boot_id`). */
  readonly bootId: string;
  readonly fingerprint: Fingerprint;
  /** Every file but this one, with its size and time, so that a damaged one is noticed. */
  readonly files: readonly FileMark[];
  /** How many parts there are besides the base. */
  readonly parts: number;
  /** True when `disk.qcow2` is the disk that goes with the RAM. */
  readonly hasDisk: boolean;
  /** What the guest keeps in its RAM only, to compare with later; see `residue.ts`. */
  readonly baseline: string;
}

/** A file as it was when it was saved. */
export interface FileMark {
  readonly name: string;
  readonly bytes: number;
  readonly mtimeNs: string;
}

export const recordName = "machine.json";
export const devicesName = "devices";
export const baseName = "ram-base";
export const diskName = "disk.qcow2";

/** The name of part `number`, from 1. */
export function partName(number: number): string {
  return `ram-${number}`;
}

/** The name of the file that tells the pages of part `number`. */
export function pagesName(number: number): string {
  return `${partName(number)}.json`;
}

/** Every file of a machine with so many parts, without the record. */
export function fileNames(parts: number, hasDisk: boolean): string[] {
  const names = [devicesName, baseName];
  for (let part = 1; part <= parts; part++) names.push(partName(part), pagesName(part));
  if (hasDisk) names.push(diskName);
  return names;
}

/** The host's current boot. */
export async function currentBootId(): Promise<string> {
  return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
}

/** Marks of files in `dir`. @throws what the file system throws */
export async function markFiles(dir: string, names: readonly string[]): Promise<FileMark[]> {
  return Promise.all(
    names.map(async (name) => {
      const { size, mtimeNs } = await stat(join(dir, name), { bigint: true });
      return { name, bytes: Number(size), mtimeNs: String(mtimeNs) };
    }),
  );
}

/** The name of a file in `dir` that is not as it was saved, if there is one. @throws as {@link markFiles} */
export async function changedFile(
  dir: string,
  saved: readonly FileMark[],
): Promise<string | undefined> {
  const names = saved.map(({ name }) => name);
  const marks = await markFiles(dir, names);
  return names.find(
    (_, index) =>
      marks[index]?.bytes !== saved[index]?.bytes ||
      marks[index]?.mtimeNs !== saved[index]?.mtimeNs,
  );
}

/**
 * The record of the machine in `dir`: undefined when there is none, and a failure that says why when it
 * cannot be used: damaged, of a later version, or saved before the host was started.
 */
export async function readRecord(dir: string): Promise<Result<MachineRecord, string> | undefined> {
  let text: string;
  try {
    text = await readFile(join(dir, recordName), "utf8");
  } catch {
    return undefined;
  }
  const record = parseRecord(text);
  if (record === undefined) return failed("its record cannot be read");
  if (record.bootId !== (await currentBootId())) {
    return failed("it was saved before the host was last started");
  }
  try {
    const changed = await changedFile(dir, record.files);
    return changed === undefined ? ok(record) : failed(`its file ${changed} was changed`);
  } catch (error) {
    return failed(`a file of it is missing: ${(error as Error).message}`);
  }
}

/** The pages of part `number` of the machine in `dir`. @throws Error when they cannot be read */
export async function readPages(dir: string, number: number): Promise<readonly PartRun[]> {
  return JSON.parse(await readFile(join(dir, pagesName(number)), "utf8")) as readonly PartRun[];
}

function parseRecord(text: string): MachineRecord | undefined {
  try {
    const record = JSON.parse(text) as Partial<MachineRecord> | null;
    const valid =
      record?.version === 1 &&
      typeof record.bootId === "string" &&
      typeof record.fingerprint === "object" &&
      typeof record.parts === "number" &&
      typeof record.hasDisk === "boolean" &&
      typeof record.baseline === "string" &&
      Array.isArray(record.files) &&
      record.files.length === fileNames(record.parts, record.hasDisk).length;
    return valid ? (record as MachineRecord) : undefined;
  } catch {
    return undefined;
  }
}
