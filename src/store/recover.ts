/** Clearing away what dead processes left in a store. Costs five directory listings when there is nothing. */
import { readdir, rename, rm } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import type { StepId } from "../plan/step.ts";
import { putBack, removeMoved } from "./delete-layer.ts";
import type { StoreContext } from "./durable.ts";
import { errorCode } from "./fs-failure.ts";
import { exists, readLayers } from "./layer-file.ts";
import { readLayerUses, usersOf } from "./layer-uses.ts";
import { parseStageEntry, type StagePaths } from "./layout.ts";
import { livenessOf, newOwners, parseOwner } from "./owner.ts";
import { livingProcess, mayLive, readProcess } from "./stage-record.ts";

/** Something a dead process left, which is gone now. */
export interface Leftover {
  readonly kind: "stage" | "deletion" | "cache-lease" | "hold" | "file";
  /** Where it was. */
  readonly path: string;
}

/**
 * Removes the stages and temporary files whose owner is dead, kills machines such stages noted, and
 * ends deletions that were cut short. What a living process owns, and what has no owner's name, stays.
 *
 * May run in several processes at once. Throws what the file system throws.
 */
export async function recover(
  context: StoreContext,
  onLeftover: (leftover: Leftover) => void = () => {},
): Promise<void> {
  const { layout } = context;
  const deletions: Deletion[] = [];
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
        onLeftover({ kind: "stage", path: paths.dir });
      }
    } else if (!(await mayLive(owner, paths.dir))) {
      deletions.push({ id: parsed.id as StepId, paths });
      onLeftover({ kind: "deletion", path: paths.dir });
    }
  }
  await takeOver(context, deletions);
  for (const [dir, kind] of [
    [layout.cacheStageDir, "cache-lease"],
    [layout.holdDir, "hold"],
    [layout.deletingDir, "file"],
    [layout.stateStageDir, "file"],
  ] as const) {
    for (const entry of await readdir(dir)) {
      const owner = parseOwner(basename(entry, extname(entry)));
      const path = join(dir, entry);
      if (owner !== undefined && !(await mayLive(owner, path))) {
        await rm(path, { recursive: true, force: true });
        onLeftover({ kind, path });
      }
    }
  }
}

interface Deletion {
  readonly id: StepId;
  readonly paths: StagePaths;
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

/**
 * Ends deletions: removes the files, or puts the layer back if it is used, which after a power cut it may be,
 * when a layer was moved away and what had been moved before it is there again.
 */
async function takeOver(context: StoreContext, deletions: readonly Deletion[]): Promise<void> {
  if (deletions.length === 0) return;
  const { layout } = context;
  const taken: Deletion[] = [];
  const owners = await newOwners();
  for (const { id, paths } of deletions) {
    const own = layout.stageNamed(basename(layout.deletedLayer(id, owners()).dir));
    try {
      await rename(paths.dir, own.dir);
      taken.push({ id, paths: own });
    } catch (error) {
      if (errorCode(error) !== "ENOENT") {
        throw error;
      }
    }
  }
  // Without layer.json the removal of the files had begun, after nobody was found to use them.
  const whole = new Set<Deletion>();
  for (const deletion of taken) {
    if (await exists(deletion.paths.metadataPath)) whole.add(deletion);
  }
  for (let isAgain = whole.size > 0; isAgain;) {
    isAgain = false;
    const uses = await readLayerUses(layout);
    const parents = new Set((await readLayers(layout)).map(({ metadata }) => metadata.parent));
    for (const deletion of whole) {
      const isUsed = parents.has(deletion.id) || usersOf(uses, deletion.id, []).length > 0;
      if (isUsed && (await putBack(context, deletion))) {
        whole.delete(deletion);
        taken.splice(taken.indexOf(deletion), 1);
        // What it is built on may be another of them.
        isAgain = true;
      }
    }
  }
  await removeMoved(context, taken);
}
