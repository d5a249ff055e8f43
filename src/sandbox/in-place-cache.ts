/**
 * A cache that takes its target's place, in guests that cannot mount one directory over another.
 */
import { ok, failed, type Result } from "../result.ts";
import type { SandboxFailure } from "./failure.ts";
import type { AttachedCache, Done } from "./guest.ts";
import type { CacheAttachment } from "./sandbox.ts";

/** How a guest does it. */
export interface InPlaceCache {
  readonly cache: CacheAttachment;
  /** Whether another cache lies in it. */
  readonly holdsAnother: boolean;
  /** Writes its content to the cache's `newContentPath`. */
  save(signal: AbortSignal): Promise<Result<unknown, SandboxFailure>>;
  /** Removes its content and puts back what was there. */
  takeOut(signal: AbortSignal): Done;
}

/**
 * Saving takes the cache out, too: what lies within another cache must be gone before that one is saved, also after
 * a command that failed.
 */
export function inPlaceCache(place: InPlaceCache): AttachedCache {
  const { cache, holdsAnother } = place;
  let out: Result<void, SandboxFailure> | undefined;
  return {
    async save(stays, signal) {
      if (stays && holdsAnother) {
        const message = "another cache lies in it, and the machine stays as it is";
        const { name, target } = cache;
        return failed({ reason: "cache-failed", cache: name, target, message });
      }
      const saved = await place.save(signal);
      if (!stays) out = await place.takeOut(signal);
      return saved.ok ? ok("tar") : saved;
    },
    detach: async (signal) => out ?? place.takeOut(signal),
  };
}

/** Whether another cache's target lies in this one's. */
export function holdsAnother(cache: CacheAttachment, all: readonly CacheAttachment[]): boolean {
  const inside = (target: string) =>
    target.length > cache.target.length &&
    target.startsWith(cache.target) &&
    (/[\\/]$/.test(cache.target) || /^[\\/]/.test(target.slice(cache.target.length)));
  return all.some(({ target }) => inside(target));
}
