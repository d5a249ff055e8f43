/** When layers were last used: the modification time of `state/used/ID`. */
import { readdirSync } from "node:fs";
import { open, rm, utimes } from "node:fs/promises";
import type { StepId } from "../plan/step.ts";
import { errorCode } from "./fs-failure.ts";
import { inBatches } from "./in-batches.ts";
import type { StoreLayout } from "./layout.ts";
import { writtenAtMs } from "./stored-file.ts";

/** Notes that layer `id` was used just now. Never fails: a mark that is lost costs at most building it again. */
export async function markLayerUsed(layout: StoreLayout, id: StepId): Promise<void> {
  const path = layout.lastUse(id);
  const now = new Date();
  try {
    await utimes(path, now, now);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") return;
    await open(path, "a", 0o600).then(
      (file) => file.close(),
      () => {},
    );
  }
}

/** When each layer that was ever used again was last used, in milliseconds since 1970. */
export async function readLastUses(layout: StoreLayout): Promise<ReadonlyMap<string, number>> {
  const uses = await inBatches(readdirSync(layout.usedDir), (id) => {
    const atMs = writtenAtMs(layout.lastUse(id));
    return atMs === undefined ? [] : [[id, atMs] as const];
  });
  return new Map(uses.flat());
}

/** Forgets when layer `id` was used. */
export async function forgetLastUse(layout: StoreLayout, id: string): Promise<void> {
  await rm(layout.lastUse(id), { force: true });
}
