import { statfs } from "node:fs/promises";
import { formatByteSize } from "../../profile/byte-size.ts";
import { selectPrune } from "../../store/select-prune.ts";
import { bytesOf, type StoredFile } from "../../store/stored-file.ts";
import type { Inventory, PruneItem } from "../../store/upkeep.ts";
import { openSettingsAndStore } from "../open-store.ts";
import { columns, writeOut } from "../output.ts";
import type { Settings } from "../settings.ts";

interface Usage {
  readonly count: number;
  /** On the disk; what has several names counts once. */
  readonly bytes: number;
  /** What could go at most: what nobody uses and no tag protects. */
  readonly reclaimableBytes: number;
}

/** `vmbuild df`: what takes how much room in the store, and how much of it could go. */
export async function df(
  flags: Pick<Settings, "store"> & { readonly json?: boolean },
): Promise<void> {
  const { store } = await openSettingsAndStore(flags);
  const inventory = await store.inventory();
  const { bavail, bsize } = await statfs(store.root);
  const usage = { ...usageOf(inventory), freeBytes: bavail * bsize };
  if (flags.json === true) {
    await writeOut(`${JSON.stringify(usage, undefined, 2)}\n`);
    return;
  }
  const row = (what: string, { count, bytes, reclaimableBytes }: Usage, note: string) => [
    what,
    String(count),
    formatByteSize(bytes),
    formatByteSize(reclaimableBytes),
    note,
  ];
  await writeOut(
    columns([
      ["WHAT", "COUNT", "SIZE", "RECLAIMABLE", ""],
      row("layers", usage.layers, "vmbuild prune, vmbuild delete"),
      row("suspended machines", usage.suspendedMachines, "vmbuild prune; --warm-budget"),
      row("caches", usage.caches, "vmbuild prune --caches, vmbuild cache rm"),
      row("base images", usage.baseImages, "vmbuild base rm"),
      row("failed steps' logs", usage.failedLogs, "vmbuild prune"),
      row("downloads", usage.downloads, "vmbuild prune"),
      row("unfinished", usage.unfinished, "of running commands"),
      ["free", "", formatByteSize(usage.freeBytes), "", store.root],
    ]),
  );
}

function usageOf(inventory: Inventory) {
  const { layers, caches, images, failedLogs, downloads, baseImageFiles, unfinished } = inventory;
  const everything = { usedBeforeMs: Number.POSITIVE_INFINITY, caches: true };
  const { removed } = selectPrune(inventory, everything, { nowMs: Date.now(), freeBytes: 0 });
  const usage = (count: number, files: readonly StoredFile[], kind?: PruneItem["kind"]): Usage => ({
    count,
    bytes: bytesOf(files),
    reclaimableBytes: removed
      .filter((item) => item.kind === kind)
      .reduce((total, { bytes }) => total + bytes, 0),
  });
  const machines = layers.flatMap(({ machine }) => machine ?? []);
  return {
    layers: usage(layers.length, filesOf(layers), "layer"),
    suspendedMachines: usage(machines.length, filesOf(machines), "machine"),
    caches: usage(caches.length, filesOf(caches), "cache"),
    baseImages: usage(images.length, baseImageFiles, "image"),
    failedLogs: usage(failedLogs.length, filesOf(failedLogs), "failed-log"),
    downloads: usage(downloads.length, filesOf(downloads), "download"),
    unfinished: usage(unfinished.length, unfinished),
  };
}

function filesOf(
  things: readonly { readonly files: readonly StoredFile[] }[],
): readonly StoredFile[] {
  return things.flatMap(({ files }) => files);
}
