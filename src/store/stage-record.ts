/** The notes a stage carries for whoever finds it after its owner's death. */
import { readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { StepId } from "../plan/step.ts";
import { isRecord, readJson } from "./json.ts";
import { isStepId } from "./layer-file.ts";
import { parseStageEntry, type StagePaths, type StoreLayout } from "./layout.ts";
import {
  formatIdentity,
  identifyProcess,
  livenessOf,
  parseIdentity,
  parseOwner,
  type ProcessIdentity,
} from "./owner.ts";
import type { LiveStage, StageBase } from "./store.ts";

/** An owner in another container that wrote nothing for this long is taken for dead. */
const SILENCE_MS = 24 * 60 * 60 * 1000;

/** Notes what the stage's disk is backed by. */
export async function writeBase(paths: StagePaths, base: StageBase): Promise<void> {
  await writeFile(paths.basePath, JSON.stringify(base), { mode: 0o600 });
}

/** Notes a process in one of the stage's files; false when the process has ended already. */
export async function writeProcess(path: string, pid: number): Promise<boolean> {
  const identity = await identifyProcess(pid);
  if (identity === undefined) {
    return false;
  }
  await writeFile(path, JSON.stringify({ process: formatIdentity(identity) }), { mode: 0o600 });
  return true;
}

/** The process noted in one of the stage's files. */
export async function readProcess(path: string): Promise<ProcessIdentity | undefined> {
  const record = await readJson(path);
  return isRecord(record) && typeof record["process"] === "string"
    ? parseIdentity(record["process"])
    : undefined;
}

/** Every stage whose owner, or the process it is kept for, lives. */
export async function readLiveStages(layout: StoreLayout): Promise<readonly LiveStage[]> {
  const stages: LiveStage[] = [];
  for (const entry of await readdir(layout.stageDir)) {
    const parsed = parseStageEntry(entry);
    const owner = parsed?.kind === "stage" ? parseOwner(parsed.owner) : undefined;
    if (parsed === undefined || owner === undefined) {
      continue;
    }
    const paths = layout.stageNamed(entry);
    const pid = await livingProcess(paths, owner);
    if (pid !== undefined) {
      const base = await readBase(paths);
      stages.push({
        id: parsed.id as StepId,
        pid,
        dir: paths.dir,
        logPath: paths.logPath,
        ...(base === undefined ? {} : { base }),
      });
    }
  }
  return stages;
}

/** The process for whose sake the stage must stay, or undefined when it is left over. */
export async function livingProcess(
  paths: StagePaths,
  owner: ProcessIdentity,
): Promise<number | undefined> {
  if (await mayLive(owner, paths.dir)) {
    return owner.pid;
  }
  const kept = await readProcess(paths.keptPath);
  return kept !== undefined && (await mayLive(kept, paths.dir)) ? kept.pid : undefined;
}

/** Whether the process that owns the file or directory at `path` lives, as far as can be told from here. */
export async function mayLive(identity: ProcessIdentity, path: string): Promise<boolean> {
  const liveness = await livenessOf(identity);
  return liveness === "unknown"
    ? Date.now() - (await lastWrite(path)) < SILENCE_MS
    : liveness === "running";
}

/** What the stage's disk is backed by; undefined until that is noted. */
export async function readBase(paths: StagePaths): Promise<StageBase | undefined> {
  const base = await readJson(paths.basePath);
  if (!isRecord(base)) {
    return readParent(paths);
  }
  const { kind, id, digest, format } = base;
  if (kind === "layer" && typeof id === "string" && isStepId(id)) {
    return { kind, id };
  }
  return kind === "image" && typeof digest === "string" && (format === "qcow2" || format === "raw")
    ? { kind, digest, format }
    : undefined;
}

/** What a stage that is being promoted is layered on; its `base.json` is gone, see `OverlayStage`. */
async function readParent(paths: StagePaths): Promise<StageBase | undefined> {
  const metadata = await readJson(paths.metadataPath);
  const parent = isRecord(metadata) ? metadata["parent"] : undefined;
  return typeof parent === "string" && isStepId(parent) ? { kind: "layer", id: parent } : undefined;
}

async function lastWrite(path: string): Promise<number> {
  let newest = 0;
  try {
    const status = await stat(path);
    newest = status.mtimeMs;
    if (status.isDirectory()) {
      for (const entry of await readdir(path)) {
        newest = Math.max(newest, await lastWrite(join(path, entry)));
      }
    }
  } catch {
    // Whoever removes an entry while it is looked at is at work on it right now.
    return newest === 0 ? Date.now() : newest;
  }
  return newest;
}
