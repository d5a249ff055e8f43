/** What is in a store, with what it takes and when it was last used. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { readCaches } from "./cache.ts";
import { cacheDirName } from "./cache-name.ts";
import { readDownloads } from "./downloads.ts";
import { inBatches } from "./in-batches.ts";
import { readLastUses } from "./last-use.ts";
import { readLayers } from "./layer-file.ts";
import { busyLayers, readLayerUses } from "./layer-uses.ts";
import type { Layer } from "./layer.ts";
import type { StoreLayout } from "./layout.ts";
import { namedImages } from "./named-images.ts";
import { bytesOf, filesBelow, storedFile, writtenAtMs } from "./stored-file.ts";
import type { Inventory, InventoryLayer } from "./upkeep.ts";

/** See `Store.inventory`. */
export async function readInventory(layout: StoreLayout): Promise<Inventory> {
  // Uses before layers, see `readLayerUses`.
  const uses = await readLayerUses(layout);
  const layers = await readLayers(layout);
  const lastUses = await readLastUses(layout);
  const caches = await readCaches(layout);
  const downloads = await readDownloads(layout);
  const stagedImages = uses.stages.flatMap(({ base }) =>
    base?.kind === "image" ? [base.digest] : [],
  );
  return {
    layers: await inBatches(layers, (layer) => lookAt(layer, lastUses.get(layer.id))),
    tags: uses.tags,
    busy: busyLayers(uses),
    caches: caches.map(({ name }) => {
      const dir = layout.cache(cacheDirName(name));
      const times = readdirSync(dir).map((version) => writtenAtMs(join(dir, version)) ?? 0);
      return { name, usedAtMs: Math.max(0, ...times), files: filesBelow(dir) };
    }),
    images: await inBatches(digestsIn(layout), (digest) => {
      const path = layout.baseImageByDigest(digest);
      const status = statSync(path, { throwIfNoEntry: false });
      return { digest, changedAtMs: status?.ctimeMs ?? 0, files: storedFile(path) };
    }),
    imagesInUse: new Set([...(await namedImages(layout)), ...stagedImages]),
    failedLogs: await inBatches(readdirSync(layout.failedLogDir), (id) => {
      const path = join(layout.failedLogDir, id);
      return { id, writtenAtMs: writtenAtMs(path) ?? 0, files: storedFile(path) };
    }),
    downloads: downloads.idle,
    baseImageFiles: filesBelow(layout.baseImageDir),
    unfinished: [
      ...[layout.stageDir, layout.cacheStageDir, layout.stateStageDir].flatMap(filesBelow),
      ...downloads.active,
    ],
  };
}

function lookAt(layer: Layer, markedAtMs: number | undefined): InventoryLayer {
  const { dir, diskPath, logPath, suspendedDir, metadata } = layer;
  const createdAtMs = Date.parse(metadata.createdAt);
  const machineAtMs = writtenAtMs(suspendedDir);
  const disk = storedFile(diskPath);
  return {
    layer,
    usedAtMs: Math.max(markedAtMs ?? 0, Number.isNaN(createdAtMs) ? 0 : createdAtMs),
    diskBytes: bytesOf(disk),
    files: [...disk, ...storedFile(logPath), ...storedFile(join(dir, "layer.json"))],
    images: imagesOf(layer),
    ...(machineAtMs === undefined
      ? {}
      : { machine: { usedAtMs: machineAtMs, files: filesBelow(suspendedDir) } }),
  };
}

/** The digest-named files that the layer's machine boots with; any other digest among them does no harm. */
function imagesOf({ metadata: { base, profile } }: Layer): readonly string[] {
  // A record may be older than this version's profile.
  const boot = JSON.stringify({ boot: profile.boot });
  return [base.digest, ...(boot.match(/[0-9a-f]{64}/g) ?? [])];
}

function digestsIn(layout: StoreLayout): readonly string[] {
  return readdirSync(layout.digestDir).filter(isDigest);
}

function isDigest(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}
