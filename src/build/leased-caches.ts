import type { CacheMount } from "../spec/spec.ts";
import { failed, ok, type Result } from "../result.ts";
import type { CacheAttachment, SavedCache } from "../sandbox/sandbox.ts";
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
      attachments.push(attachmentOf(lease, resolveGuestPath(workdir, mount.target)));
    }
    return ok(new LeasedCaches(leases, attachments));
  }

  /** Publishes the caches in `saved`; gives a line for each that could not be. */
  async publish(saved: readonly SavedCache[]): Promise<readonly string[]> {
    const warnings: string[] = [];
    for (const [index, lease] of this.#leases.entries()) {
      const target = this.attachments[index]?.target;
      const form = saved.find((cache) => cache.target === target)?.form;
      if (form === undefined) continue;
      const published = await lease.publish(form);
      if (!published.ok) {
        warnings.push(`the cache ${lease.name} keeps its old content: ${textOf(published.error)}`);
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

function attachmentOf(lease: CacheLease, target: string): CacheAttachment {
  return {
    name: lease.name,
    target,
    get content() {
      return lease.content;
    },
    openTar: async (signal) => inWords(await lease.openTar(signal)),
    openDisk: async (signal) => inWords(await lease.openDisk(signal)),
    startAnew: () => lease.startAnew(),
    newContentPath: lease.newContentPath,
  };
}

function inWords<T>(result: Result<T, StoreFailure>): Result<T, string> {
  return result.ok ? result : failed(textOf(result.error));
}

function textOf(failure: StoreFailure): string {
  if ("message" in failure) return failure.message;
  if (failure.reason === "program-missing") return `the host has no ${failure.program}`;
  return failure.reason === "qemu-img-failed" ? failure.stderr : failure.reason;
}
