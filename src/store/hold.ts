/** Holds: what a build, or whoever else, needs to stay while it runs. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { StepId } from "../plan/step.ts";
import { replaceFile, type StoreContext } from "./durable.ts";
import { passGate } from "./gate.ts";
import { readJson } from "./json.ts";
import { isStepId } from "./layer-file.ts";
import type { StoreLayout } from "./layout.ts";
import { newOwner, parseOwner } from "./owner.ts";
import { mayLive } from "./stage-record.ts";

/** What one process holds. */
export interface Hold {
  readonly pid: number;
  readonly ids: readonly StepId[];
}

/** See `Store.hold`. */
export async function holdLayers(
  { layout }: StoreContext,
  ids: readonly StepId[],
): Promise<AsyncDisposable> {
  const path = join(layout.holdDir, await newOwner());
  const release = { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
  try {
    await replaceFile(layout, path, JSON.stringify(ids));
  } catch {
    // A build that finds everything cached must work on a full disk as well.
    return release;
  }
  await passGate(layout);
  return release;
}

/** What living processes hold. */
export async function readHolds(layout: StoreLayout): Promise<readonly Hold[]> {
  const holds: Hold[] = [];
  for (const entry of await readdir(layout.holdDir)) {
    const owner = parseOwner(entry);
    const path = join(layout.holdDir, entry);
    if (owner === undefined || !(await mayLive(owner, path))) continue;
    const ids = await readJson(path);
    if (!Array.isArray(ids)) continue;
    holds.push({
      pid: owner.pid,
      ids: ids.filter((id) => typeof id === "string").filter(isStepId),
    });
  }
  return holds;
}
