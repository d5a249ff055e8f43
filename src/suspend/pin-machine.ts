/**
 * A saved machine while it is read: its files linked into a directory of their own, so that they are those of one
 * machine, though another may be put into its place, or it be dropped, at any time.
 */
import { link, mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { failed, ok, type Result } from "../result.ts";
import { type MachineRecord, readRecord, recordName } from "./record.ts";

/** Disposing of it removes the links. */
export interface PinnedMachine extends AsyncDisposable {
  readonly record: MachineRecord;
  /** Where its files are as long as it is pinned. */
  readonly dir: string;
  /** Where it was saved. */
  readonly savedIn: string;
}

/** A machine may be replaced while it is pinned; hardly ever more than once. */
const attempts = 3;

/**
 * Pins the machine saved in `dir` below `workDir`, which has to be on the same filesystem and is made when missing.
 * Undefined when there is none; a failure says why it cannot be used, as {@link readRecord} does.
 */
export async function pinMachine(
  dir: string,
  workDir: string,
): Promise<Result<PinnedMachine, string> | undefined> {
  let outcome: Result<PinnedMachine, string> | undefined;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const found = await readRecord(dir);
    if (found === undefined || !found.ok) return found;
    outcome = await pin(dir, found.value, workDir);
    if (outcome.ok) return outcome;
  }
  return outcome;
}

async function pin(
  savedIn: string,
  { files }: MachineRecord,
  workDir: string,
): Promise<Result<PinnedMachine, string>> {
  await mkdir(workDir, { recursive: true, mode: 0o700 });
  const dir = await mkdtemp(join(workDir, "machine-"));
  const unpin = () => rm(dir, { recursive: true, force: true });
  try {
    for (const name of [...files.map((file) => file.name), recordName]) {
      await link(join(savedIn, name), join(dir, name));
    }
    // Read anew: only where all belongs to one machine do the marks in its record match.
    const record = await readRecord(dir);
    if (record?.ok === true) {
      return ok({ record: record.value, dir, savedIn, [Symbol.asyncDispose]: unpin });
    }
    await unpin();
    return failed(record?.error ?? "its record is missing");
  } catch (error) {
    await unpin();
    return failed(`a file of it is missing: ${(error as Error).message}`);
  }
}
