/**
 * Suspended machines of promoted layers: `result/ID/machine`. What is in them is the `suspend` room's; here
 * they are directories that may go at any time.
 */
import { readdir, rename, rm, statfs, utimes } from "node:fs/promises";
import type { StepId } from "../plan/step.ts";
import type { StoreContext } from "./durable.ts";
import { inBatches } from "./in-batches.ts";
import { isStepId } from "./layer-file.ts";
import type { StoreLayout } from "./layout.ts";
import { newOwner } from "./owner.ts";
import { filesBelow, writtenAtMs } from "./stored-file.ts";

/**
 * Gives layer `id` the machine in `dir`, in the place of one it had. Gives where the machine is then: in
 * `dir` as before when it cannot be moved, since the layer is gone or another process was faster.
 */
export async function suspendLayer(
  context: StoreContext,
  id: StepId,
  dir: string,
): Promise<string> {
  const { suspendedDir } = context.layout.layer(id);
  await dropMachine(context, suspendedDir);
  try {
    await rename(dir, suspendedDir);
    return suspendedDir;
  } catch {
    return dir;
  }
}

/** Notes that the machine of layer `id` was used just now. */
export async function markUsed({ layout }: StoreContext, id: StepId): Promise<void> {
  const now = new Date();
  // A machine that is gone meanwhile needs no mark.
  await utimes(layout.layer(id).suspendedDir, now, now).catch(() => {});
}

/** What all suspended machines take together, bytes on the disk; files that they share count once. */
export async function suspendedBytes(layout: StoreLayout): Promise<number> {
  return bytesOf(await readMachines(layout));
}

/** The share of the disk's room that suspended machines may take unless told otherwise. */
const defaultShare = 0.25;

/**
 * Drops the machines that were not used for longest until the others fit into `budgetBytes`, by default a
 * quarter of the room that there is for them. Gives how many were dropped.
 */
export async function trimSuspended(context: StoreContext, budgetBytes?: number): Promise<number> {
  const { layout } = context;
  const machines = [...(await readMachines(layout))].sort((a, b) => a.usedMs - b.usedMs);
  let bytes = bytesOf(machines);
  if (bytes === 0) return 0;
  const { bavail, bsize } = await statfs(layout.root);
  const budget = budgetBytes ?? (bavail * bsize + bytes) * defaultShare;
  let dropped = 0;
  while (bytes > budget) {
    const [oldest] = machines.splice(0, 1);
    if (oldest === undefined) break;
    await dropMachine(context, oldest.dir);
    dropped++;
    bytes = bytesOf(machines);
  }
  return dropped;
}

interface SuspendedMachine {
  readonly dir: string;
  readonly usedMs: number;
  /** Bytes on the disk by inode number. */
  readonly files: ReadonlyMap<number, number>;
}

/** What is gone while it is looked at is left out. */
async function readMachines(layout: StoreLayout): Promise<readonly SuspendedMachine[]> {
  const ids = (await readdir(layout.resultDir)).filter(isStepId);
  const machines = await inBatches(ids, (id) => {
    const dir = layout.layer(id).suspendedDir;
    const usedMs = writtenAtMs(dir);
    if (usedMs === undefined) return [];
    const files = new Map(filesBelow(dir).map(({ inode, bytes }) => [inode, bytes]));
    return [{ dir, usedMs, files }];
  });
  return machines.flat();
}

function bytesOf(machines: readonly SuspendedMachine[]): number {
  const files = new Map(machines.flatMap((machine) => [...machine.files]));
  let bytes = 0;
  for (const size of files.values()) bytes += size;
  return bytes;
}

/** In one step, so that nobody finds half a machine. */
async function dropMachine({ layout }: StoreContext, dir: string): Promise<void> {
  const gone = layout.stateStage(await newOwner());
  await rename(dir, gone).catch(() => {});
  await rm(gone, { recursive: true, force: true });
}
