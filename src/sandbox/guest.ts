/**
 * What a sandbox asks of the system inside a machine, whatever that system is.
 */
import type { HotPlug } from "../machine/hot-plug.ts";
import type { Result } from "../result.ts";
import type { ReadFailure, SandboxFailure } from "./failure.ts";
import type {
  CacheAttachment,
  CacheForm,
  CommandTask,
  CopyTask,
  ReadJob,
  SandboxHooks,
} from "./sandbox.ts";

export interface GuestOptions {
  /** Flush the guest's filesystems after a command; false where whoever comes after does. */
  readonly flush: boolean;
  /** For a Linux guest whose machine takes disks while it runs. */
  readonly disks?: GuestDisks;
}

export interface Guest {
  /**
   * Offers a cache at its target; the guest's own content there is hidden until it is detached. What is wrong
   * with the cache's content is a warning, and the cache starts anew.
   */
  attach(
    cache: CacheAttachment,
    index: number,
    task: CommandTask,
    hooks: SandboxHooks,
  ): Promise<Result<AttachedCache, SandboxFailure>>;
  /**
   * Puts the task's secrets at their targets, readable by the task's user alone, over whatever is there. Absent where
   * that cannot be done; a task that has some is not for such a guest.
   */
  offerSecrets?(
    task: CommandTask,
    signal: AbortSignal,
  ): Promise<Result<OfferedSecrets, SandboxFailure>>;
  /** Runs the task's command to its end, see {@link GuestOptions}. */
  run(task: CommandTask, hooks: SandboxHooks): Done;
  /** Brings the task's files in and flushes the guest's filesystems. */
  copy(task: CopyTask, hooks: SandboxHooks): Done;
  /** Writes a tar archive of `paths` to a new file on the host, see `ReadJob`. */
  read(
    files: Pick<ReadJob, "paths" | "archivePath">,
    signal: AbortSignal,
  ): Promise<Result<void, ReadFailure>>;
}

/** A cache in a guest. */
export interface AttachedCache {
  /**
   * Writes its content out; it is complete when this succeeds, in the form it gives. With `stays` the cache is still
   * offered afterwards, for somebody to look at.
   */
  save(stays: boolean, signal: AbortSignal): Promise<Result<CacheForm, SandboxFailure>>;
  /** Leaves the cache's target as it was before the cache was attached; to be called after {@link save}. */
  detach(signal: AbortSignal): Done;
}

/** Secrets in a guest. */
export interface OfferedSecrets {
  /** Leaves their targets as they were before. */
  withdraw(signal: AbortSignal): Done;
}

/** What a guest can be given disks with. */
export interface GuestDisks {
  readonly hotPlug: HotPlug;
  /** A directory for files meanwhile, on the host; made when it is needed. */
  readonly workDir: string;
  /** Gets a line when a disk could not be used and a stream is. */
  readonly note: (message: string) => void;
}

export type Done = Promise<Result<void, SandboxFailure>>;
