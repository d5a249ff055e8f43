/** Reading promoted layers. */
import { access, readdir } from "node:fs/promises";
import type { StepId } from "../plan/step.ts";
import { errorCode } from "./fs-failure.ts";
import { isRecord, readJson } from "./json.ts";
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
  const metadata = parseLayerMetadata(await readJson(paths.metadataPath));
  if (metadata?.id !== id || !(await exists(paths.diskPath))) {
    return undefined;
  }
  const { dir, diskPath, logPath, suspendedDir } = paths;
  return { id, dir, diskPath, logPath, suspendedDir, metadata };
}

/** Every promoted layer. */
export async function readLayers(layout: StoreLayout): Promise<readonly Layer[]> {
  const layers: Layer[] = [];
  for (const entry of await readdir(layout.resultDir)) {
    const layer = isStepId(entry) ? await readLayer(layout, entry) : undefined;
    if (layer !== undefined) {
      layers.push(layer);
    }
  }
  return layers;
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
