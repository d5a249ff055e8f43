/** Removing layers while others may be about to build on them; see `gate.ts` for how the two keep clear. */
import { rename, rm } from "node:fs/promises";
import type { StepId } from "../plan/step.ts";
import { failed, ok, type Result } from "../result.ts";
import type { StoreContext } from "./durable.ts";
import type { StoreFailure } from "./failure.ts";
import { attempt, errorCode } from "./fs-failure.ts";
import { type ClosedGate, closeGate } from "./gate.ts";
import { forgetLastUse } from "./last-use.ts";
import { readLayers } from "./layer-file.ts";
import { layerTree } from "./layer-tree.ts";
import { readLayerUses, usersOf } from "./layer-uses.ts";
import type { LayerPaths } from "./layout.ts";
import { newOwners } from "./owner.ts";
import type { DeleteOptions } from "./upkeep.ts";

const REMOVALS_AT_ONCE = 8;

/** See `Store.deleteAll`. */
export async function deleteLayers(
  context: StoreContext,
  ids: readonly StepId[],
  options: DeleteOptions = {},
): Promise<Result<readonly StepId[], StoreFailure>> {
  const deletion = await attempt(context.layout.resultDir, async () => {
    if (options.dryRun === true) return choose(context, ids, options);
    const moved: MovedLayer[] = [];
    try {
      await using gate = await closeGate(context.layout);
      const doomed = await choose(context, ids, options);
      if (!doomed.ok) return doomed;
      await takeAway(context, doomed.value, gate, moved);
      return ok(moved.map(({ id }) => id));
    } finally {
      await removeMoved(context, moved);
    }
  });
  return deletion.ok ? deletion.value : deletion;
}

/** A layer that is not one any more, and whose files are still there. */
export interface MovedLayer {
  readonly id: StepId;
  readonly paths: LayerPaths;
}

/**
 * Moves layers out of `result/`, in the order given, while the gate is closed, and adds them to `moved`. What
 * another process has moved meanwhile is left out. When this returns the moves have reached the disk: files of
 * a layer must not be gone while, after a power cut, the layer is there.
 */
export async function takeAway(
  { layout, sync }: StoreContext,
  ids: Iterable<StepId>,
  gate: ClosedGate,
  moved: MovedLayer[],
): Promise<void> {
  const before = moved.length;
  const owners = await newOwners();
  try {
    for (const id of ids) {
      if (!gate.holds()) break;
      const paths = layout.deletedLayer(id, owners());
      if (await moveAway(layout.layer(id).dir, paths.dir)) moved.push({ id, paths });
    }
  } finally {
    if (moved.length > before) await sync(layout.resultDir);
  }
}

/** Removes what {@link takeAway} has moved, some at a time. */
export async function removeMoved(
  context: StoreContext,
  moved: readonly MovedLayer[],
): Promise<void> {
  const rest = moved.values();
  const work = async (): Promise<void> => {
    for (const layer of rest) await removeOne(context, layer);
  };
  await Promise.all(Array.from({ length: REMOVALS_AT_ONCE }, work));
}

async function removeOne({ layout }: StoreContext, { id, paths }: MovedLayer): Promise<void> {
  // The record first: a deletion that is cut short then shows that nobody was found to use the layer.
  await rm(paths.metadataPath, { force: true });
  await rm(paths.dir, { recursive: true, force: true });
  await forgetLastUse(layout, id);
}

/** False when there is nothing to move. */
export async function moveAway(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false;
    throw error;
  }
}

/** Puts a moved layer back; false when the same layer has been built again meanwhile. */
export async function putBack(context: StoreContext, { id, paths }: MovedLayer): Promise<boolean> {
  try {
    await rename(paths.dir, context.layout.layer(id).dir);
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOTEMPTY" || code === "EEXIST") return false;
    throw error;
  }
  await context.sync(context.layout.resultDir);
  return true;
}

/** What goes, children first; a failure when one of them is missing or in use. */
async function choose(
  { layout }: StoreContext,
  ids: readonly StepId[],
  { recursive = false }: DeleteOptions,
): Promise<Result<readonly StepId[], StoreFailure>> {
  const uses = await readLayerUses(layout);
  const tree = layerTree(
    (await readLayers(layout)).map(({ id, metadata: { parent } }) => ({ id, parent })),
  );
  const missing = ids.find((id) => !tree.has(id));
  if (missing !== undefined) return failed({ reason: "layer-missing", id: missing });
  const doomed = new Set(recursive ? tree.withDescendants(ids) : ids);
  for (const id of doomed) {
    const staying = tree.childrenOf(id).filter((child) => !doomed.has(child));
    const users = usersOf(uses, id, staying);
    if (users.length > 0) return failed({ reason: "layer-in-use", id, by: users });
  }
  return ok(tree.childrenFirst(doomed));
}
