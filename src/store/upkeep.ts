/** What keeping a store in bounds is about: what there is, and what shall go. */
import type { StepId } from "../plan/step.ts";
import type { Layer, Tag } from "./layer.ts";
import type { StoredFile } from "./stored-file.ts";

/** All that is in a store. Times are milliseconds since 1970. */
export interface Inventory {
  readonly layers: readonly InventoryLayer[];
  readonly tags: readonly Tag[];
  /** Layers that a process holds or builds on; some may not be there yet. */
  readonly busy: ReadonlySet<StepId>;
  readonly caches: readonly {
    readonly name: string;
    readonly usedAtMs: number;
    readonly files: readonly StoredFile[];
  }[];
  /** The files that layers' disks are based on and machines boot with, by digest. */
  readonly images: readonly {
    readonly digest: string;
    /** When it came, or was last asked for. */
    readonly changedAtMs: number;
    readonly files: readonly StoredFile[];
  }[];
  /** Digests that names of base images and stages use. */
  readonly imagesInUse: ReadonlySet<string>;
  readonly failedLogs: readonly {
    readonly id: string;
    readonly writtenAtMs: number;
    readonly files: readonly StoredFile[];
  }[];
  /** Files from servers, whole or in part, that no process is getting just now. */
  readonly downloads: readonly {
    readonly name: string;
    readonly usedAtMs: number;
    readonly files: readonly StoredFile[];
  }[];
  /** Everything that lies with the base images, `images` included. */
  readonly baseImageFiles: readonly StoredFile[];
  /** Stages, leases, downloads that are going on, and what is just being removed. */
  readonly unfinished: readonly StoredFile[];
}

export interface InventoryLayer {
  readonly layer: Layer;
  /** When it was made or last found in the store by a build. */
  readonly usedAtMs: number;
  /** Of its disk alone. */
  readonly diskBytes: number;
  /** Without the suspended machine. */
  readonly files: readonly StoredFile[];
  /** Digests of the images that it cannot be booted without. */
  readonly images: readonly string[];
  readonly machine?: { readonly usedAtMs: number; readonly files: readonly StoredFile[] };
}

export interface DeleteOptions {
  /** Also the layers that are built on them, directly or not. @default false */
  readonly recursive?: boolean;
  /** Only say what would go. @default false */
  readonly dryRun?: boolean;
}

/** What shall go; several limits are all kept. */
export interface PruneLimits {
  /** Until layers, their suspended machines and caches take at most so many bytes together. */
  readonly keepBytes?: number;
  /** Until the file system has at least so many bytes free. */
  readonly freeBytes?: number;
  /** What was last used before this time (milliseconds since 1970). */
  readonly usedBeforeMs?: number;
  /** Caches may go too. @default false */
  readonly caches?: boolean;
  /** Only say what would go. @default false */
  readonly dryRun?: boolean;
}

/** One thing that goes. */
export interface PruneItem {
  readonly kind: "machine" | "layer" | "image" | "failed-log" | "download" | "cache";
  /** A layer's or a step's id, an image's digest, a download's or a cache's name. */
  readonly name: string;
  /** The step that made the layer. */
  readonly heading?: string;
  /** Milliseconds since 1970; for a layer also the use of what is built on it. */
  readonly usedAtMs: number;
  /** What removing it frees, after those before it. */
  readonly bytes: number;
}

export interface PruneReport {
  /** What went, in this order. */
  readonly removed: readonly PruneItem[];
  readonly freedBytes: number;
  /** What layers, suspended machines and caches take afterwards. */
  readonly keptBytes: number;
}
