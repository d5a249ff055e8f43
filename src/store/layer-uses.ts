/** Who uses which layers, apart from the layers built on them. */
import type { StepId } from "../plan/step.ts";
import { type Hold, readHolds } from "./hold.ts";
import type { StoreLayout } from "./layout.ts";
import { readLiveStages } from "./stage-record.ts";
import type { LiveStage, Tag } from "./store.ts";
import { readTags } from "./tags.ts";

/** What was written down about the use of layers at some moment. */
export interface LayerUses {
  readonly tags: readonly Tag[];
  readonly stages: readonly LiveStage[];
  readonly holds: readonly Hold[];
}

/** Read before the layers are, so that a stage that is promoted between the two readings is seen as a layer. */
export async function readLayerUses(layout: StoreLayout): Promise<LayerUses> {
  return {
    stages: await readLiveStages(layout),
    holds: await readHolds(layout),
    tags: await readTags(layout),
  };
}

/** Layers that something is being built on, or that a build needs. */
export function busyLayers({ stages, holds }: LayerUses): ReadonlySet<StepId> {
  const bases = stages.flatMap(({ base }) => (base?.kind === "layer" ? [base.id] : []));
  return new Set([...bases, ...holds.flatMap(({ ids }) => ids)]);
}

/** What uses layer `id`, in words: tags, then `children`, then processes. */
export function usersOf(
  { tags, stages, holds }: LayerUses,
  id: StepId,
  children: readonly StepId[],
): readonly string[] {
  return [
    ...tags.filter((tag) => tag.id === id).map(({ name }) => `tag ${name}`),
    ...children.map((child) => `layer ${child}`),
    ...stages
      .filter(({ base }) => base?.kind === "layer" && base.id === id)
      .map((stage) => `build of ${stage.id} by process ${stage.pid}`),
    ...holds.filter(({ ids }) => ids.includes(id)).map(({ pid }) => `build by process ${pid}`),
  ];
}
