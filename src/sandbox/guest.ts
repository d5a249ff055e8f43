/**
 * What a sandbox asks of the system inside a machine, whatever that system is.
 */
import type { Result } from "../result.ts";
import type { SandboxFailure } from "./failure.ts";
import type { CacheAttachment, CommandTask, CopyTask, SandboxHooks } from "./sandbox.ts";

export interface GuestOptions {
  /** Flush the guest's filesystems after a command; false where whoever comes after does. */
  readonly flush: boolean;
}

export interface Guest {
  /** Offers a cache at its target; the guest's own content there is hidden until {@link detach}. */
  attach(cache: CacheAttachment, index: number, task: CommandTask, signal: AbortSignal): Done;
  /** Runs the task's command to its end, see {@link GuestOptions}. */
  run(task: CommandTask, hooks: SandboxHooks): Done;
  /** Writes a cache's content to its `newContentPath`; the file is complete when this succeeds. */
  save(cache: CacheAttachment, index: number, signal: AbortSignal): Done;
  /** Leaves the cache's target as it was before {@link attach}. */
  detach(cache: CacheAttachment, index: number, signal: AbortSignal): Done;
  /** Brings the task's files in and flushes the guest's filesystems. */
  copy(task: CopyTask, hooks: SandboxHooks): Done;
}

type Done = Promise<Result<void, SandboxFailure>>;
