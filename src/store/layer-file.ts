/** Reading promoted layers. */
import { readFileSync, statSync } from "node:fs";
import { access, readdir } from "node:fs/promises";
import type { StepId } from "../plan/step.ts";
import { errorCode } from "./fs-failure.ts";
import { inBatches } from "./in-batches.ts";
import { isRecord, parseJson, readJson } from "./json.ts";
import type { Layer } from "./store.ts";
import type { LayerMetadata } from "./layer.ts";
import type { StoreLayout } from "./layout.ts";

/** True for a full id. */
export function isStepId(text: string): text is StepId {
  return /^[0-9a-f]{64}$/.test(text);
}

/** The promoted layer `id`; undefined when `result/<id>` is missing, has no valid `layer.json` or no disk. */
export async function readLayer(layout: StoreLayout, id: StepId): Promise<Layer | undefined> {
  const paths = layout.layer(id);
  const layer = layerOf(layout, id, await readJson(paths.metadataPath));
  return layer !== undefined && (await exists(paths.diskPath)) ? layer : undefined;
}

/** Every promoted layer. */
export async function readLayers(layout: StoreLayout): Promise<readonly Layer[]> {
  const ids = (await readdir(layout.resultDir)).filter(isStepId);
  const layers = await inBatches(ids, (id) => readLayerSync(layout, id));
  return layers.filter((layer) => layer !== undefined);
}

/** As {@link readLayer}, for those who look at thousands. */
function readLayerSync(layout: StoreLayout, id: StepId): Layer | undefined {
  const paths = layout.layer(id);
  const layer = layerOf(layout, id, parseJson(readIfPresentSync(paths.metadataPath)));
  const isThere = statSync(paths.diskPath, { throwIfNoEntry: false }) !== undefined;
  return isThere ? layer : undefined;
}

function layerOf(layout: StoreLayout, id: StepId, record: unknown): Layer | undefined {
  const metadata = parseLayerMetadata(record);
  if (metadata?.id !== id) return undefined;
  const { dir, diskPath, logPath, suspendedDir } = layout.layer(id);
  return { id, dir, diskPath, logPath, suspendedDir, metadata };
}

function readIfPresentSync(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

/** The record as far as the store depends on it; undefined for anything else, also for a later version. */
function parseLayerMetadata(value: unknown): LayerMetadata | undefined {
  if (!isRecord(value)) {
    return undefined;
  }
  const { version, id, parent, op, heading, base, profile, createdAt, durationMs } = value;
  const valid =
    version === 1 &&
    typeof id === "string" &&
    isStepId(id) &&
    (parent === undefined || (typeof parent === "string" && isStepId(parent))) &&
    (op === "from" || op === "run" || op === "copy") &&
    typeof heading === "string" &&
    isRecord(base) &&
    typeof base["name"] === "string" &&
    typeof base["digest"] === "string" &&
    isRecord(profile) &&
    typeof createdAt === "string" &&
    typeof durationMs === "number" &&
    typeof value["vmbuild"] === "string";
  return valid ? (value as unknown as LayerMetadata) : undefined;
}

/** Whether there is anything at `path`. Throws when that cannot be told. */
export async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") {
      return false;
    }
    throw error;
  }
}
