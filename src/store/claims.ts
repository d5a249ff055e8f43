/** Who builds what: the stages of one step that are at work or about to be. */
import { readdir, stat } from "node:fs/promises";
import type { StepId } from "../plan/step.ts";
import { errorCode } from "./fs-failure.ts";
import { exists } from "./layer-file.ts";
import { parseStageEntry, type StagePaths, type StoreLayout } from "./layout.ts";
import { livenessOf, parseOwner, type ProcessIdentity } from "./owner.ts";
import { readBase } from "./stage-record.ts";
import type { LiveStage } from "./store.ts";

/** How often a builder gives a sign of life to those who cannot see its process. */
export const SIGN_OF_LIFE_MS = 15_000;
const SILENCE_MS = 4 * SIGN_OF_LIFE_MS;

/** One that wants to build a step, or does. */
export interface Contender {
  /** The name of its stage; no two are the same. */
  readonly entry: string;
  /** True when it builds, false while it looks whether it may. */
  readonly isBuilding: boolean;
  readonly stage: LiveStage;
}

export interface Contenders {
  readonly living: readonly Contender[];
  /** True when there are stages of dead ones, too. */
  readonly hasDead: boolean;
}

/** Everybody who contends for step `id`. */
export async function readContenders(layout: StoreLayout, id: StepId): Promise<Contenders> {
  const living: Contender[] = [];
  let hasDead = false;
  for (const entry of await readdir(layout.stageDir)) {
    const parsed = parseStageEntry(entry);
    const owner = parsed?.kind === "stage" && parsed.id === id && parseOwner(parsed.owner);
    if (owner === undefined || owner === false) continue;
    const paths = layout.stageNamed(entry);
    // What is kept for a failed step's machine is built no further.
    if (await exists(paths.keptPath)) continue;
    if (!(await isAtWork(paths, owner))) {
      hasDead = true;
      continue;
    }
    const { dir, logPath } = paths;
    const isBuilding = await exists(logPath);
    const base = await readBase(paths);
    const stage = { id, pid: owner.pid, dir, logPath, ...(base === undefined ? {} : { base }) };
    living.push({ entry, isBuilding, stage });
  }
  return { living, hasDead };
}

/** The stage in which `id` is being built. */
export async function readBuilder(layout: StoreLayout, id: StepId): Promise<LiveStage | undefined> {
  const { living } = await readContenders(layout, id);
  return living.find(({ isBuilding }) => isBuilding)?.stage;
}

/** Whether the owner of a stage lives, as far as can be told from here. */
export async function isAtWork(paths: StagePaths, owner: ProcessIdentity): Promise<boolean> {
  const liveness = await livenessOf(owner);
  if (liveness !== "unknown") return liveness === "running";
  const signAtMs = (await changedAtMs(paths.logPath)) ?? (await changedAtMs(paths.dir));
  // A clock that was set back must not make anybody live for ever.
  return signAtMs !== undefined && Math.abs(Date.now() - signAtMs) < SILENCE_MS;
}

async function changedAtMs(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
