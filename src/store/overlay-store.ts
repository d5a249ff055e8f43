/** The store as qcow2 overlays in a directory. */
import type { StepId } from "../plan/step.ts";
import { ok } from "../result.ts";
import { cacheBytes, emptyCache, leaseCache, readCaches } from "./cache.ts";
import { claimStage } from "./claim.ts";
import { readBuilder } from "./claims.ts";
import { deleteLayers } from "./delete-layer.ts";
import type { StoreContext } from "./durable.ts";
import { findFailedLog } from "./failed-log.ts";
import { followStage } from "./follow-stage.ts";
import { holdLayers } from "./hold.ts";
import { readInventory } from "./inventory.ts";
import { markLayerUsed } from "./last-use.ts";
import { readLayer, readLayers } from "./layer-file.ts";
import { pruneStore } from "./prune.ts";
import { resolveId } from "./resolve-id.ts";
import { openStage } from "./stage.ts";
import { readLiveStages } from "./stage-record.ts";
import type { FollowOptions, LiveStage, StageRequest, Store } from "./store.ts";
import { markUsed, suspendedBytes, suspendLayer, trimSuspended } from "./suspended.ts";
import { readTags, removeTag, writeTag } from "./tags.ts";
import type { DeleteOptions, PruneLimits } from "./upkeep.ts";

/** Puts the operations together; the directories exist already, see `openStore`. */
export function overlayStore(context: StoreContext): Store {
  const { layout } = context;
  return {
    root: layout.root,
    layer: (id: StepId) => readLayer(layout, id),
    layers: () => readLayers(layout),
    async childrenOf(id: StepId) {
      const layers = await readLayers(layout);
      return layers.filter(({ metadata }) => metadata.parent === id).map((layer) => layer.id);
    },
    resolveId: (text: string) => resolveId(layout, text),
    failedLog: (text: string) => findFailedLog(layout, text),
    suspend: (id: StepId, dir: string) => suspendLayer(context, id, dir),
    suspendedUsed: (id: StepId) => markUsed(context, id),
    suspendedBytes: () => suspendedBytes(layout),
    trimSuspended: (budgetBytes?: number) => trimSuspended(context, budgetBytes),
    stage: (request: StageRequest) => openStage(context, request),
    claim: (request: StageRequest) => claimStage(context, request),
    builder: (id: StepId) => readBuilder(layout, id),
    follow: (stage: LiveStage, options: FollowOptions) => followStage(layout, stage, options),
    stages: () => readLiveStages(layout),
    cache: (name: string) => leaseCache(context, name),
    caches: () => readCaches(layout),
    cacheBytes: () => cacheBytes(layout),
    deleteCache: (name: string) => emptyCache(context, name),
    tag: (name: string, id: StepId) => writeTag(context, name, id),
    tags: () => readTags(layout),
    untag: (name: string) => removeTag(context, name),
    async delete(id: StepId) {
      const deleted = await deleteLayers(context, [id]);
      return deleted.ok ? ok() : deleted;
    },
    deleteAll: (ids: readonly StepId[], options?: DeleteOptions) =>
      deleteLayers(context, ids, options),
    hold: (ids: readonly StepId[]) => holdLayers(context, ids),
    used: (id: StepId) => markLayerUsed(layout, id),
    inventory: () => readInventory(layout),
    prune: (limits: PruneLimits) => pruneStore(context, limits),
  };
}
