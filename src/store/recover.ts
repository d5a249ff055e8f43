/** Clearing away what dead processes left in a store. Costs three directory listings when there is nothing. */
import { readdir, rename, rm } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import type { StepId } from "../plan/step.ts";
import { finishDeletion } from "./delete-layer.ts";
import type { StoreContext } from "./durable.ts";
import { errorCode } from "./fs-failure.ts";
import { parseStageEntry, type StagePaths } from "./layout.ts";
import { livenessOf, newOwner, parseOwner } from "./owner.ts";
import { livingProcess, mayLive, readProcess } from "./stage-record.ts";

/**
 * Removes the stages and temporary files whose owner is dead, kills machines such stages noted, and
 * ends deletions that were cut short. What a living process owns, and what has no owner's name, stays.
 *
 * May run in several processes at once. Throws what the file system throws.
 */
export async function recover(context: StoreContext): Promise<void> {
  const { layout } = context;
  for (const entry of await readdir(layout.stageDir)) {
    const parsed = parseStageEntry(entry);
    const owner = parsed === undefined ? undefined : parseOwner(parsed.owner);
    if (parsed === undefined || owner === undefined) {
      continue;
    }
    const paths = layout.stageNamed(entry);
    if (parsed.kind === "stage") {
      if ((await livingProcess(paths, owner)) === undefined) {
        await removeStage(paths);
      }
    } else if (!(await mayLive(owner, paths.dir))) {
      await takeOverDeletion(context, parsed.id as StepId, paths);
    }
  }
  for (const dir of [layout.cacheStageDir, layout.stateStageDir]) {
    for (const entry of await readdir(dir)) {
      const owner = parseOwner(basename(entry, extname(entry)));
      const path = join(dir, entry);
      if (owner !== undefined && !(await mayLive(owner, path))) {
        await rm(path, { recursive: true, force: true });
      }
    }
  }
}

async function removeStage(paths: StagePaths): Promise<void> {
  const machine = await readProcess(paths.machinePath);
  if (machine !== undefined && (await livenessOf(machine)) === "running") {
    try {
      process.kill(machine.pid, "SIGKILL");
    } catch (error) {
      if (errorCode(error) !== "ESRCH") {
        throw error;
      }
    }
  }
  // A qemu-img that outlived its parent may still be writing.
  await rm(paths.dir, { recursive: true, force: true, maxRetries: 5 });
}

async function takeOverDeletion(
  context: StoreContext,
  id: StepId,
  paths: StagePaths,
): Promise<void> {
  const taken = context.layout.deletedLayer(id, await newOwner());
  try {
    await rename(paths.dir, taken.dir);
  } catch (error) {
    if (errorCode(error) === "ENOENT") {
      return;
    }
    throw error;
  }
  await finishDeletion(context, id, taken);
}
