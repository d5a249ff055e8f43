import type { CacheMount } from "../spec/spec.ts";
import { ok, type Result } from "../result.ts";
import type { CacheAttachment } from "../sandbox/sandbox.ts";
import type { StoreFailure } from "../store/failure.ts";
import type { CacheLease, Store } from "../store/store.ts";
import { resolveGuestPath } from "../plan/guest-path.ts";

/** The caches one step holds, from before its machine starts until its caches are published. */
export class LeasedCaches implements AsyncDisposable {
  readonly #leases: readonly CacheLease[];
  readonly attachments: readonly CacheAttachment[];

  private constructor(leases: readonly CacheLease[], attachments: readonly CacheAttachment[]) {
    this.#leases = leases;
    this.attachments = attachments;
  }

  /** Takes a private copy of every cache; a target that is not absolute is taken from `workdir`. */
  static async take(
    store: Store,
    mounts: readonly CacheMount[],
    workdir: string,
  ): Promise<Result<LeasedCaches, StoreFailure>> {
    const leases: CacheLease[] = [];
    const attachments: CacheAttachment[] = [];
    for (const mount of mounts) {
      const leased = await store.cache(mount.id);
      if (!leased.ok) {
        await Promise.all(leases.map((lease) => lease[Symbol.asyncDispose]()));
        return leased;
      }
      const lease = leased.value;
      leases.push(lease);
      attachments.push({
        name: mount.id,
        target: resolveGuestPath(workdir, mount.target),
        newContentPath: lease.newContentPath,
        ...(lease.content === undefined ? {} : { content: lease.content }),
      });
    }
    return ok(new LeasedCaches(leases, attachments));
  }

  /** Publishes the caches whose targets are in `savedTargets`; gives a line for each that could not be. */
  async publish(savedTargets: readonly string[]): Promise<readonly string[]> {
    const warnings: string[] = [];
    for (const [index, lease] of this.#leases.entries()) {
      const target = this.attachments[index]?.target;
      if (target === undefined || !savedTargets.includes(target)) continue;
      const published = await lease.publish();
      if (!published.ok) {
        warnings.push(`the cache ${lease.name} keeps its old content: ${published.error.reason}`);
      } else if (published.value === "stale") {
        warnings.push(
          `the cache ${lease.name} was published by another step meanwhile; this step's copy is dropped`,
        );
      }
    }
    return warnings;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#leases.map((lease) => lease[Symbol.asyncDispose]()));
  }
}
