/**
 * A task in a running guest, from its caches going in to their coming out.
 */
import { ok, type Result } from "../result.ts";
import type { SandboxFailure } from "./failure.ts";
import type { Guest } from "./guest.ts";
import type { CacheAttachment, SandboxHooks, SandboxTask } from "./sandbox.ts";

/** Does the task; the targets of caches that were saved are added to `savedTargets`. */
export async function workInGuest(
  guest: Guest,
  task: SandboxTask,
  hooks: SandboxHooks,
  savedTargets: string[],
): Promise<Result<void, SandboxFailure>> {
  if (task.kind === "copy") {
    hooks.onPhase("copying");
    return guest.copy(task, hooks);
  }
  if (task.caches.length === 0) {
    hooks.onPhase("running");
    return guest.run(task, hooks);
  }
  const caches = outermostFirst(task.caches);
  hooks.onPhase("caches-in");
  for (const [index, cache] of caches.entries()) {
    const attached = await guest.attach(cache, index, task, hooks.signal);
    if (!attached.ok) return attached;
  }
  hooks.onPhase("running");
  const ran = await guest.run(task, hooks);
  if (!ran.ok && !guestIsGood(ran.error)) return ran;
  hooks.onPhase("caches-out");
  const released = await releaseCaches(guest, caches, hooks, {
    savedTargets,
    // A failed step's disk is thrown away, and somebody may want to look into the machine as it is.
    detach: ran.ok,
  });
  return ran.ok ? released : ran;
}

/** An inner target is mounted into an outer one, so the outer one must be there first. */
function outermostFirst(caches: readonly CacheAttachment[]): readonly CacheAttachment[] {
  return [...caches].sort((a, b) => depth(a.target) - depth(b.target));
}

function depth(path: string): number {
  return path.split("/").filter((part) => part !== "").length;
}

/**
 * A cache that cannot be saved only loses what is new in it; one that cannot be detached would become
 * part of the layer, so that fails the step.
 */
async function releaseCaches(
  guest: Guest,
  caches: readonly CacheAttachment[],
  hooks: SandboxHooks,
  options: { readonly savedTargets: string[]; readonly detach: boolean },
): Promise<Result<void, SandboxFailure>> {
  for (const [index, cache] of [...caches.entries()].reverse()) {
    const saved = await guest.save(cache, index, hooks.signal);
    if (saved.ok) {
      options.savedTargets.push(cache.target);
    } else if (saved.error.reason === "cache-failed") {
      hooks.onWarning(`the cache ${cache.name} keeps its old content: ${saved.error.message}`);
    } else {
      return saved;
    }
    if (!options.detach) continue;
    const detached = await guest.detach(cache, index, hooks.signal);
    if (!detached.ok) return detached;
  }
  return ok();
}

/** The command failed but the guest answered: caches can still be saved and somebody can look inside. */
export function guestIsGood(failure: SandboxFailure): boolean {
  switch (failure.reason) {
    case "command-failed":
    case "command-timed-out":
    case "guest-setup-failed":
    case "copy-failed":
    case "cache-failed":
      return true;
    default:
      return false;
  }
}
