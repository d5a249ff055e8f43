/** What a prune removes, and in which order. Pure. */
import type { StepId } from "../plan/step.ts";
import { layerTree } from "./layer-tree.ts";
import type { StoredFile } from "./stored-file.ts";
import type { Inventory, InventoryLayer, PruneItem, PruneLimits, PruneReport } from "./upkeep.ts";

/** An image that came or was asked for more recently may be about to be used. */
export const IMAGE_GRACE_MS = 60 * 60 * 1000;

/** The moment at which a choice is made. */
export interface PruneMoment {
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** What the file system has free. */
  readonly freeBytes: number;
}

/**
 * Chooses what `Store.prune` removes. Layers come in an order in which each is free to go when those before
 * it are gone, so that stopping anywhere leaves every layer with what it is built on.
 */
export function selectPrune(
  inventory: Inventory,
  limits: PruneLimits,
  moment: PruneMoment,
): PruneReport {
  const { usedBeforeMs = Number.NEGATIVE_INFINITY } = limits;
  const room = new Room(inventory, limits, moment.freeBytes);
  const items: PruneItem[] = [];
  const remove = (item: Omit<PruneItem, "bytes">, files: readonly StoredFile[]): void => {
    items.push({ ...item, bytes: room.remove(files) });
  };
  const images = new UnusedImages(inventory, moment.nowMs);
  // They go whatever else does, so their room counts from the beginning.
  const useless = images.unused().map((image) => ({ image, bytes: room.remove(image.files) }));

  const dropped = new Set<StepId>();
  for (const { layer, machine } of machinesOldestFirst(inventory)) {
    if (machine.usedAtMs >= usedBeforeMs && !room.isShort()) break;
    dropped.add(layer.id);
    const { usedAtMs, files } = machine;
    remove({ kind: "machine", name: layer.id, heading: layer.metadata.heading, usedAtMs }, files);
  }
  for (const { entry, usedAtMs } of layersOldestFirst(inventory)) {
    if (usedAtMs >= usedBeforeMs && !room.isShort()) break;
    const { id, metadata } = entry.layer;
    const machine = dropped.has(id) ? [] : (entry.machine?.files ?? []);
    const { heading } = metadata;
    remove({ kind: "layer", name: id, heading, usedAtMs }, [...entry.files, ...machine]);
    for (const image of images.without(entry)) {
      useless.push({ image, bytes: room.remove(image.files) });
    }
  }
  for (const { image, bytes } of useless) {
    items.push({ kind: "image", name: image.digest, usedAtMs: image.changedAtMs, bytes });
  }
  for (const { id, writtenAtMs, files } of oldestFirst(inventory.failedLogs, "writtenAtMs")) {
    if (writtenAtMs >= usedBeforeMs && !room.lacksFreeBytes()) break;
    remove({ kind: "failed-log", name: id, usedAtMs: writtenAtMs }, files);
  }
  for (const { name, usedAtMs, files } of oldestFirst(inventory.downloads, "usedAtMs")) {
    if (usedAtMs >= usedBeforeMs && !room.lacksFreeBytes()) break;
    remove({ kind: "download", name, usedAtMs }, files);
  }
  if (limits.caches === true) {
    for (const { name, usedAtMs, files } of oldestFirst(inventory.caches, "usedAtMs")) {
      if (usedAtMs >= usedBeforeMs && !room.isShort()) break;
      remove({ kind: "cache", name, usedAtMs }, files);
    }
  }
  return { removed: items, freedBytes: room.freedBytes, keptBytes: room.keptBytes };
}

/** Layers that must stay: in use, or under one that is. */
export function layersInUse({ layers, tags, busy }: Inventory): ReadonlySet<StepId> {
  return treeOf(layers).withAncestors([...busy, ...tags.map(({ id }) => id)]);
}

function treeOf(layers: readonly InventoryLayer[]) {
  return layerTree(layers.map(({ layer }) => ({ id: layer.id, parent: layer.metadata.parent })));
}

/** Those that may go; a machine of a layer that a build needs may be what it goes on with. */
function machinesOldestFirst({ layers, busy }: Inventory) {
  const machines = layers.flatMap(({ layer, machine }) =>
    machine === undefined || busy.has(layer.id)
      ? []
      : [{ layer, machine, usedAtMs: machine.usedAtMs }],
  );
  return oldestFirst(machines, "usedAtMs");
}

/** Those that may go. A use of a layer is one of all that it is built on, so children come first. */
function layersOldestFirst(inventory: Inventory) {
  const { layers } = inventory;
  const tree = treeOf(layers);
  const staying = layersInUse(inventory);
  const entries = new Map(layers.map((entry) => [entry.layer.id, entry]));
  const order = tree.childrenFirst(entries.keys());
  const uses = new Map<StepId, number>();
  for (const id of order) {
    const own = entries.get(id)?.usedAtMs ?? 0;
    uses.set(
      id,
      tree.childrenOf(id).reduce((use, child) => Math.max(use, uses.get(child) ?? 0), own),
    );
  }
  const going = order.flatMap((id) => {
    const entry = entries.get(id);
    return entry === undefined || staying.has(id) ? [] : [{ entry, usedAtMs: uses.get(id) ?? 0 }];
  });
  // Equal uses keep their order, in which children come first.
  return oldestFirst(going, "usedAtMs");
}

/** Which images no layer that stays uses. */
class UnusedImages {
  readonly #inventory: Inventory;
  readonly #youngestMs: number;
  readonly #users = new Map<string, number>();

  constructor(inventory: Inventory, nowMs: number) {
    this.#inventory = inventory;
    this.#youngestMs = nowMs - IMAGE_GRACE_MS;
    for (const { images } of inventory.layers) {
      for (const digest of new Set(images)) this.#users.set(digest, this.#count(digest) + 1);
    }
  }

  unused() {
    return this.#inventory.images.filter((image) => this.#isUnused(image));
  }

  /** What is unused when this layer is gone as well, and was not before. */
  without({ images }: InventoryLayer) {
    const own = new Set(images);
    for (const digest of own) this.#users.set(digest, this.#count(digest) - 1);
    const fewer = [...own].filter((digest) => this.#count(digest) === 0);
    if (fewer.length === 0) return [];
    return this.unused().filter(({ digest }) => own.has(digest));
  }

  #isUnused({ digest, changedAtMs }: Inventory["images"][number]): boolean {
    return (
      this.#count(digest) === 0 &&
      !this.#inventory.imagesInUse.has(digest) &&
      changedAtMs < this.#youngestMs
    );
  }

  #count(digest: string): number {
    return this.#users.get(digest) ?? 0;
  }
}

/** How much room is taken and free, while things go. */
class Room {
  freedBytes = 0;
  keptBytes = 0;
  readonly #limits: PruneLimits;
  readonly #freeBytes: number;
  /** Names of each file that are still there: all of them, and those of layers, machines and caches. */
  readonly #names = new Map<number, { all: number; kept: number }>();

  constructor({ layers, caches }: Inventory, limits: PruneLimits, freeBytes: number) {
    this.#limits = limits;
    this.#freeBytes = freeBytes;
    for (const { files, machine } of layers) this.#add(files, machine?.files ?? []);
    for (const { files } of caches) this.#add(files);
  }

  isShort(): boolean {
    const { keepBytes = Number.POSITIVE_INFINITY } = this.#limits;
    return this.keptBytes > keepBytes || this.lacksFreeBytes();
  }

  lacksFreeBytes(): boolean {
    return this.#freeBytes + this.freedBytes < (this.#limits.freeBytes ?? 0);
  }

  /** Gives what that frees: a file goes with the last of its names. */
  remove(files: readonly StoredFile[]): number {
    const before = this.freedBytes;
    for (const { inode, bytes, links } of files) {
      const names = this.#names.get(inode) ?? { all: links, kept: 0 };
      this.#names.set(inode, names);
      names.all--;
      if (names.all <= 0) this.freedBytes += bytes;
      if (names.kept > 0 && --names.kept === 0) this.keptBytes -= bytes;
    }
    return this.freedBytes - before;
  }

  #add(...lists: readonly (readonly StoredFile[])[]): void {
    for (const { inode, bytes, links } of lists.flat()) {
      const names = this.#names.get(inode);
      if (names === undefined) {
        this.#names.set(inode, { all: links, kept: 1 });
        this.keptBytes += bytes;
      } else {
        names.kept++;
      }
    }
  }
}

function oldestFirst<K extends string, T extends Readonly<Record<K, number>>>(
  items: readonly T[],
  time: K,
): readonly T[] {
  return [...items].sort((a, b) => a[time] - b[time]);
}
