/**
 * The store: promoted layers, stages in which they are made, caches and tags, all of it plain files.
 *
 * Contract of every method: the filesystem is the only truth; nothing is cached in memory between
 * calls, so several processes may work on one store. Methods that promise no `Result` throw what the
 * file system throws; a layer, tag or cache that is merely missing or damaged never throws.
 */
import type { StepId } from "../plan/step.ts";
import type { Result } from "../result.ts";
import type { Layer, LayerMetadata, Tag } from "./layer.ts";
import type { StoreFailure } from "./failure.ts";
import type { DeleteOptions, Inventory, PruneLimits, PruneReport } from "./upkeep.ts";

export type { Layer, Tag } from "./layer.ts";

/** What a stage's disk is layered on. */
export type StageBase =
  | { readonly kind: "layer"; readonly id: StepId }
  /** A digest-named base image file below the store; its format was recorded when it was imported. */
  | { readonly kind: "image"; readonly digest: string; readonly format: "qcow2" | "raw" }
  /** A user's file outside the store, by its absolute path: for a disk that is thrown away, never for a layer. */
  | { readonly kind: "file"; readonly path: string; readonly format: "qcow2" | "raw" };

export interface StageRequest {
  readonly id: StepId;
  readonly base: StageBase;
  /** Virtual size in bytes the overlay gets; absent keeps the base's. Smaller than the base is a failure. */
  readonly diskSizeBytes?: number;
  readonly signal: AbortSignal;
}

/**
 * A directory under `result-tmp/` where one layer is made, owned by this process.
 *
 * Disposing of a stage that was not promoted (or kept) removes it. A stage whose process died is
 * removed by the next `open` of the store.
 */
export interface Stage extends AsyncDisposable {
  readonly id: StepId;
  readonly dir: string;
  readonly diskPath: string;
  readonly logPath: string;
  readonly serialLogPath: string;
  /** Where a suspended machine may be put that goes with the disk; nothing is there. */
  readonly suspendedDir: string;
  /** A directory to be made for what a job needs meanwhile; it must be gone before the promotion. */
  readonly workDir: string;
  /**
   * Publishes the stage as `result/<id>`: checks the disk (`qemu-img check`), syncs files and
   * directories, renames. When another process has promoted the same id meanwhile, that layer is
   * returned and this stage is dropped.
   */
  promote(metadata: LayerMetadata): Promise<Result<Layer, StoreFailure>>;
  /**
   * Nothing writes to the disk any more: {@link promote}, which is to follow, need not begin with checking it. What the
   * check finds is told there.
   */
  diskComplete(): void;
  /**
   * Notes that process `pid` is the machine that writes the disk. Should this process die without
   * ending the machine, the next `open` of the store kills it before it removes the stage.
   */
  machineStarted(pid: number): Promise<Result<void, StoreFailure>>;
  /**
   * Keeps the log for `Store.failedLog`, because the step failed. The stage has none afterwards.
   */
  keepLog(): Promise<Result<void, StoreFailure>>;
  /** Leaves `record`, any JSON, for those who follow this stage: how the step failed. Before `keepLog`. */
  noteFailure(record: unknown): Promise<Result<void, StoreFailure>>;
  /**
   * Leaves the directory behind for as long as the process `pid` (its machine) lives; the first `open`
   * of the store after that removes it. Without effect when the process has ended already or that
   * cannot be noted.
   */
  keepFor(pid: number): Promise<void>;
}

/**
 * What a cache's content is kept as: an ext4 file system on a disk, below its directory `content`, or a tar
 * stream. The host unpacks and mounts neither: what a guest writes cannot escape it.
 */
export type CacheForm = "disk" | "tar";

/** A cache's content as a tar stream. */
export interface CacheTar {
  /** Open for reading from byte 0, until the lease is disposed of. */
  readonly fd: number;
  readonly sizeBytes: number;
  /** Where it is; it may go when another step publishes. */
  readonly path: string;
}

/** A qcow2 disk for a step alone, to be written to. */
export interface CacheDisk {
  readonly path: string;
  /** False for an empty file system: the cache is new, or its content is a tar stream. */
  readonly isFilled: boolean;
}

/** A private view of a cache, taken for one step. Its content stays readable whatever others publish. */
export interface CacheLease extends AsyncDisposable {
  readonly name: string;
  /** The form of its content; undefined when the cache is new. */
  readonly content: CacheForm | undefined;
  /** The content as a tar stream, whatever its form; only when there is content. A damaged disk is a failure. */
  openTar(signal: AbortSignal): Promise<Result<CacheTar, StoreFailure>>;
  /** A disk to work on. A second call gives it as the first did. */
  openDisk(signal: AbortSignal): Promise<Result<CacheDisk, StoreFailure>>;
  /** Gives the content up, because it is damaged: the cache is as a new one from now on. */
  startAnew(): void;
  /** Where the step's new content is to be written if it is a tar stream. */
  readonly newContentPath: string;
  /**
   * Makes what is at `newContentPath`, or on the disk of `openDisk`, the cache's content in one step. `stale` when
   * another step has published since the lease was taken: then the new content is dropped (OBuilder's rule).
   */
  publish(form: CacheForm): Promise<Result<"published" | "stale", StoreFailure>>;
}

/** A cache with content. */
export interface CacheInfo {
  readonly name: string;
  /** On the disk, with what it shares with other caches. */
  readonly sizeBytes: number;
}

/** A stage that is being worked on, by this process or another, or is kept for a machine that runs. */
export interface LiveStage {
  readonly id: StepId;
  /** The process that owns it or for which it is kept, as its own pid namespace counts. */
  readonly pid: number;
  readonly dir: string;
  readonly logPath: string;
  /** Absent for an instant after the stage was opened. */
  readonly base?: StageBase;
}

/** What came of a claim. */
export type Claim =
  /** The step is the caller's to build. */
  | { readonly kind: "granted"; readonly stage: Stage }
  /** Somebody else builds it. */
  | { readonly kind: "taken"; readonly by: LiveStage }
  /** It has been built meanwhile. */
  | { readonly kind: "built"; readonly layer: Layer };

export interface FollowOptions {
  /** Ends the following, and nothing else. */
  readonly signal: AbortSignal;
  /** Gets the step's log from its first byte, in pieces; awaited. */
  readonly onOutput: (chunk: Uint8Array) => void | Promise<void>;
}

/** How the work in a stage ended for somebody who followed it. */
export type FollowEnd =
  | { readonly kind: "promoted"; readonly layer: Layer }
  /** `record` is what the builder gave to `Stage.noteFailure`, as JSON; a later version may have written it. */
  | { readonly kind: "failed"; readonly record: unknown }
  /** The builder has died, was cancelled, or failed in a way that is its own affair. */
  | { readonly kind: "gone" }
  | { readonly kind: "cancelled" };

export interface Store {
  /** Absolute path of the store's directory. */
  readonly root: string;
  /** The promoted layer `id`, or undefined. */
  layer(id: StepId): Promise<Layer | undefined>;
  /** Every promoted layer, in no order. A directory that is not a layer is left out. */
  layers(): Promise<readonly Layer[]>;
  /** Layers whose disk is backed by `id`'s. */
  childrenOf(id: StepId): Promise<readonly StepId[]>;
  /**
   * The id a user means by a full id, a unique prefix of at least 4 hex digits, or a tag.
   */
  resolveId(text: string): Promise<Result<StepId, StoreFailure>>;
  /** Path of the log of a step that failed, by its id or a unique prefix; the latest 50 are kept. */
  failedLog(text: string): Promise<Result<string, StoreFailure>>;
  /**
   * Gives layer `id` the suspended machine in directory `dir`, which must be on the store's filesystem.
   * Gives where it is then: with the layer, or in `dir` as before when that is not possible.
   */
  suspend(id: StepId, dir: string): Promise<string>;
  /** Notes that a step goes on with the suspended machine of layer `id`. */
  suspendedUsed(id: StepId): Promise<void>;
  /** Bytes on the disk of all suspended machines; what they share counts once. */
  suspendedBytes(): Promise<number>;
  /**
   * Drops suspended machines, those first that were not used for longest, until the others take at most
   * `budgetBytes`; by default a quarter of what is free and theirs together. Gives how many.
   */
  trimSuspended(budgetBytes?: number): Promise<number>;
  /** Opens a stage with an empty overlay on its base. Fails when the base is missing. */
  stage(request: StageRequest): Promise<Result<Stage, StoreFailure>>;
  /**
   * Opens a stage as `stage` does, for one builder of the id at a time, whatever process it is in. Who does
   * not get the claim leaves nothing behind. A claim ends with its stage, and with its process however
   * that ends. Where the life of a builder cannot be seen (another pid namespace), one that has given no
   * sign for a minute counts as dead.
   */
  claim(request: StageRequest): Promise<Result<Claim, StoreFailure>>;
  /** The stage in which somebody builds `id` at present. */
  builder(id: StepId): Promise<LiveStage | undefined>;
  /** Follows the log of a stage until the work in it has ended. */
  follow(stage: LiveStage, options: FollowOptions): Promise<FollowEnd>;
  /** Every stage at work in any process. One that was left over is not listed. */
  stages(): Promise<readonly LiveStage[]>;
  cache(name: string): Promise<Result<CacheLease, StoreFailure>>;
  /** Every cache that has content, by name. */
  caches(): Promise<readonly CacheInfo[]>;
  /** Bytes on the disk of all caches; what they share counts once. */
  cacheBytes(): Promise<number>;
  /**
   * Empties a cache; `absent` when it had no content. A step that holds a lease on it reads on and
   * finds itself stale when it publishes.
   */
  deleteCache(name: string): Promise<Result<"deleted" | "absent", StoreFailure>>;
  /** Points `name` at `id`, replacing what it pointed at. */
  tag(name: string, id: StepId): Promise<Result<void, StoreFailure>>;
  tags(): Promise<readonly Tag[]>;
  /** Removes a tag; `absent` when there was none. */
  untag(name: string): Promise<Result<"removed" | "absent", StoreFailure>>;
  /**
   * Removes a layer. Refused while other layers or live stages are built on it, a tag names it, or a
   * process holds it.
   */
  delete(id: StepId): Promise<Result<void, StoreFailure>>;
  /**
   * Removes layers, children first, and gives them in that order. As `delete` refuses each of them, but for
   * the layers that go as well; when one is refused or missing, none goes.
   */
  deleteAll(
    ids: readonly StepId[],
    options?: DeleteOptions,
  ): Promise<Result<readonly StepId[], StoreFailure>>;
  /**
   * Keeps layers, what they are built on and their suspended machines from being pruned or deleted until it is
   * disposed of or the process ends; an id may be that of a layer yet to be made. Look for the layers
   * afterwards: those that are there then stay. Never fails: where it cannot be written down, as on a full disk,
   * it has no effect.
   */
  hold(ids: readonly StepId[]): Promise<AsyncDisposable>;
  /** Notes that layer `id` was used just now. Never fails. */
  used(id: StepId): Promise<void>;
  /** All that is in the store, with sizes and last uses, as it was at about one moment. */
  inventory(): Promise<Inventory>;
  /**
   * Removes what was not used for longest, as far as `limits` ask for. Never goes: a layer with a tag, one that a
   * process holds or builds on, and what these are built on; an image that one of these, a name or a stage uses.
   *
   * First suspended machines go, then layers, then base images that no layer and no name uses any more, logs of
   * failed steps, and caches when asked for. Several may run at once, also while others build. One that is cut
   * short has removed a part of all that and left the rest good.
   */
  prune(limits: PruneLimits): Promise<Result<PruneReport, StoreFailure>>;
}
