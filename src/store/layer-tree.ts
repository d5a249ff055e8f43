/** Which layers are built on which. Pure. */
import type { StepId } from "../plan/step.ts";

/** A layer and what it is built on. */
export interface TreeLayer {
  readonly id: StepId;
  readonly parent?: StepId | undefined;
}

export interface LayerTree {
  has(id: StepId): boolean;
  childrenOf(id: StepId): readonly StepId[];
  /** `ids`, and all that is built on them, directly or not. */
  withDescendants(ids: Iterable<StepId>): ReadonlySet<StepId>;
  /** `ids`, and all that they are built on, directly or not. */
  withAncestors(ids: Iterable<StepId>): ReadonlySet<StepId>;
  /** `ids` in an order in which each comes after all that is built on it; else in the order given. */
  childrenFirst(ids: Iterable<StepId>): readonly StepId[];
}

/** The tree of some layers. A parent that is not among them is no part of it. Chains may be of any length. */
export function layerTree(layers: readonly TreeLayer[]): LayerTree {
  const parents = new Map(layers.map(({ id, parent }) => [id, parent]));
  const children = new Map<StepId, StepId[]>();
  for (const { id, parent } of layers) {
    if (parent === undefined || !parents.has(parent)) continue;
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [id]);
    else siblings.push(id);
  }
  const childrenOf = (id: StepId) => children.get(id) ?? [];
  return {
    has: (id) => parents.has(id),
    childrenOf,
    withDescendants: (ids) => closure(ids, childrenOf),
    withAncestors: (ids) =>
      closure(
        [...ids].filter((id) => parents.has(id)),
        (id) => {
          const parent = parents.get(id);
          return parent !== undefined && parents.has(parent) ? [parent] : [];
        },
      ),
    childrenFirst: (ids) => byDepth([...ids], parents),
  };
}

function closure(
  ids: Iterable<StepId>,
  next: (id: StepId) => readonly StepId[],
): ReadonlySet<StepId> {
  const reached = new Set(ids);
  // A set gives what is added while it is gone through as well.
  for (const id of reached) for (const other of next(id)) reached.add(other);
  return reached;
}

/** Deepest first; the order is kept among those equally deep. */
function byDepth(
  ids: readonly StepId[],
  parents: ReadonlyMap<StepId, StepId | undefined>,
): readonly StepId[] {
  const depths = new Map<StepId, number>();
  for (const id of ids) {
    const path: StepId[] = [];
    let at: StepId | undefined = id;
    while (at !== undefined && parents.has(at) && !depths.has(at)) {
      // Provisional, so that a circle in damaged records ends here.
      depths.set(at, 0);
      path.push(at);
      at = parents.get(at);
    }
    let depth = at === undefined ? 0 : (depths.get(at) ?? 0);
    for (const step of path.reverse()) depths.set(step, ++depth);
  }
  return [...ids].sort((a, b) => (depths.get(b) ?? 0) - (depths.get(a) ?? 0));
}
