/**
 * Removing a layer while others may be about to build on it.
 *
 * There is no lock. Who starts to use a layer first writes down that it does (a stage its `base.json`,
 * a tag its file) and then looks whether the layer is there. Who removes one first takes it away and
 * then looks whether anybody has written down a use; if so, it puts the layer back. Whatever the order
 * in which the two happen, at least one of them sees the other, and no one builds on a removed layer.
 */
import { rename, rm } from "node:fs/promises";
import type { StepId } from "../plan/step.ts";
import { failed, ok, type Result } from "../result.ts";
import type { StoreContext } from "./durable.ts";
import type { StoreFailure } from "./failure.ts";
import { attempt, errorCode } from "./fs-failure.ts";
import { exists, readLayer, readLayers } from "./layer-file.ts";
import type { LayerPaths } from "./layout.ts";
import { newOwner } from "./owner.ts";
import { readLiveStages } from "./stage-record.ts";
import { readTags } from "./tags.ts";

/** Removes layer `id` unless it is in use. */
export async function deleteLayer(
  context: StoreContext,
  id: StepId,
): Promise<Result<void, StoreFailure>> {
  const { layout } = context;
  const paths = layout.layer(id);
  const deletion = await attempt(paths.dir, async (): Promise<Result<void, StoreFailure>> => {
    if ((await readLayer(layout, id)) === undefined) {
      return failed({ reason: "layer-missing", id });
    }
    const users = await usersOf(context, id);
    if (users.length > 0) {
      return failed({ reason: "layer-in-use", id, by: users });
    }
    const deleted = layout.deletedLayer(id, await newOwner());
    try {
      await rename(paths.dir, deleted.dir);
    } catch (error) {
      if (errorCode(error) === "ENOENT") {
        return failed({ reason: "layer-missing", id });
      }
      throw error;
    }
    return finishDeletion(context, id, deleted);
  });
  return deletion.ok ? deletion.value : deletion;
}

/** Ends a deletion, also one whose process died: removes the files, or puts the layer back if it is used. */
export async function finishDeletion(
  context: StoreContext,
  id: StepId,
  deleted: LayerPaths,
): Promise<Result<void, StoreFailure>> {
  // Without layer.json the removal of the files had begun, after nobody was found to use them.
  const users = (await exists(deleted.metadataPath)) ? await usersOf(context, id) : [];
  if (users.length > 0 && (await putBack(context, id, deleted))) {
    return failed({ reason: "layer-in-use", id, by: users });
  }
  await rm(deleted.metadataPath, { force: true });
  await rm(deleted.dir, { recursive: true, force: true });
  return ok();
}

/** False when the same layer has been built again meanwhile. */
async function putBack(context: StoreContext, id: StepId, deleted: LayerPaths): Promise<boolean> {
  try {
    await rename(deleted.dir, context.layout.layer(id).dir);
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOTEMPTY" || code === "EEXIST") {
      return false;
    }
    throw error;
  }
  await context.sync(context.layout.resultDir);
  return true;
}

async function usersOf(context: StoreContext, id: StepId): Promise<readonly string[]> {
  const { layout } = context;
  // Stages before layers: one that is promoted between the two readings is then seen in the second.
  const stages = (await readLiveStages(layout)).filter(
    ({ base }) => base === undefined || (base.kind === "layer" && base.id === id),
  );
  const children = (await readLayers(layout)).filter(({ metadata }) => metadata.parent === id);
  const tags = (await readTags(layout)).filter((tag) => tag.id === id);
  return [
    ...tags.map(({ name }) => `tag ${name}`),
    ...children.map((child) => `layer ${child.id}`),
    ...stages.map((stage) => `build of ${stage.id} by process ${stage.pid}`),
  ];
}
