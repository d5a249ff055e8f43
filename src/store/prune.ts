/** Removing what was not used for longest. What that is, is chosen in `select-prune.ts`. */
import { readdir, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { StepId } from "../plan/step.ts";
import { ok, type Result } from "../result.ts";
import { emptyCache } from "./cache.ts";
import { moveAway, type MovedLayer, removeMoved, takeAway } from "./delete-layer.ts";
import type { StoreContext } from "./durable.ts";
import type { StoreFailure } from "./failure.ts";
import { attempt } from "./fs-failure.ts";
import { type ClosedGate, closeGate } from "./gate.ts";
import { readInventory } from "./inventory.ts";
import { forgetLastUse } from "./last-use.ts";
import { newOwners } from "./owner.ts";
import { selectPrune } from "./select-prune.ts";
import type { PruneItem, PruneLimits, PruneReport } from "./upkeep.ts";

/** See `Store.prune`. */
export async function pruneStore(
  context: StoreContext,
  limits: PruneLimits,
): Promise<Result<PruneReport, StoreFailure>> {
  const pruned = await attempt(context.layout.root, async () =>
    limits.dryRun === true
      ? ok(await choose(context, limits))
      : new PruneRun(context, limits).result(),
  );
  return pruned.ok ? pruned.value : pruned;
}

/**
 * Everything that others could use is renamed while the gate is closed, which takes no time, and removed when it
 * is open again. Whatever has been renamed when the process dies is removed by the next `open` of the store.
 */
class PruneRun {
  readonly #context: StoreContext;
  readonly #limits: PruneLimits;
  readonly #layers: MovedLayer[] = [];
  /** What else was renamed. */
  readonly #paths: string[] = [];
  readonly #gone = new Set<PruneItem>();

  constructor(context: StoreContext, limits: PruneLimits) {
    this.#context = context;
    this.#limits = limits;
  }

  async result(): Promise<Result<PruneReport, StoreFailure>> {
    let chosen: PruneReport;
    try {
      await using gate = await closeGate(this.#context.layout);
      chosen = await choose(this.#context, this.#limits);
      await this.#moveAway(chosen.removed, gate);
    } finally {
      await this.#removeMoved();
    }
    const removed = await this.#removeRest(chosen.removed);
    if (!removed.ok) return removed;
    await this.#forgetUses();
    const left = chosen.removed.filter((item) => !this.#gone.has(item));
    const missed = left.reduce((total, { bytes }) => total + bytes, 0);
    return ok({
      removed: chosen.removed.filter((item) => this.#gone.has(item)),
      freedBytes: chosen.freedBytes - missed,
      keptBytes: chosen.keptBytes + missed,
    });
  }

  async #moveAway(items: readonly PruneItem[], gate: ClosedGate): Promise<void> {
    const { layout } = this.#context;
    const owners = await newOwners();
    const rename = async (item: PruneItem, from: string): Promise<void> => {
      const to = layout.stateStage(owners());
      if (!gate.holds() || !(await moveAway(from, to))) return;
      this.#paths.push(to);
      this.#gone.add(item);
    };
    for (const item of ofKind(items, "machine")) {
      await rename(item, layout.layer(item.name).suspendedDir);
    }
    const layers = ofKind(items, "layer");
    await takeAway(
      this.#context,
      layers.map(({ name }) => name as StepId),
      gate,
      this.#layers,
    );
    const moved = new Set<string>(this.#layers.map(({ id }) => id));
    for (const item of layers) if (moved.has(item.name)) this.#gone.add(item);
    for (const item of ofKind(items, "image")) {
      await rename(item, layout.baseImageByDigest(item.name));
    }
  }

  async #removeMoved(): Promise<void> {
    for (const path of this.#paths) await rm(path, { recursive: true, force: true });
    await removeMoved(this.#context, this.#layers);
  }

  /** What nobody needs to be kept clear of. */
  async #removeRest(items: readonly PruneItem[]): Promise<Result<void, StoreFailure>> {
    for (const item of ofKind(items, "failed-log")) {
      await rm(join(this.#context.layout.failedLogDir, item.name), { force: true });
      this.#gone.add(item);
    }
    for (const item of ofKind(items, "download")) {
      await rm(this.#context.layout.download(item.name), { force: true });
      this.#gone.add(item);
    }
    for (const item of ofKind(items, "cache")) {
      const emptied = await emptyCache(this.#context, item.name);
      if (!emptied.ok) return emptied;
      if (emptied.value === "deleted") this.#gone.add(item);
    }
    return ok();
  }

  /** Marks of layers that went without their mark, by a process that was killed or by hand. */
  async #forgetUses(): Promise<void> {
    const { layout } = this.#context;
    const marked = await readdir(layout.usedDir);
    const ids = new Set(await readdir(layout.resultDir));
    for (const id of marked) if (!ids.has(id)) await forgetLastUse(layout, id);
  }
}

function ofKind(items: readonly PruneItem[], kind: PruneItem["kind"]): readonly PruneItem[] {
  return items.filter((item) => item.kind === kind);
}

async function choose({ layout }: StoreContext, limits: PruneLimits): Promise<PruneReport> {
  const inventory = await readInventory(layout);
  const { bavail, bsize } = await statfs(layout.root);
  return selectPrune(inventory, limits, { nowMs: Date.now(), freeBytes: bavail * bsize });
}
