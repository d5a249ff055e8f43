/**
 * A task in a running guest, from its caches going in to their coming out.
 */
import { ok, type Result } from "../result.ts";
import type { SandboxFailure } from "./failure.ts";
import type { AttachedCache, Done, Guest } from "./guest.ts";
import {
  hasSecrets,
  type CacheAttachment,
  type CommandTask,
  type SandboxHooks,
  type SandboxJob,
  type SavedCache,
} from "./sandbox.ts";

/** Does the job's task; caches that were saved are added to `savedCaches`. */
export async function workInGuest(
  guest: Guest,
  { task, keepFailed }: Pick<SandboxJob, "task" | "keepFailed">,
  hooks: SandboxHooks,
  savedCaches: SavedCache[],
): Promise<Result<void, SandboxFailure>> {
  if (task.kind === "copy") {
    hooks.onPhase("copying");
    return guest.copy(task, hooks);
  }
  if (task.caches.length === 0) return runWithSecrets(guest, task, hooks);
  const caches: OfferedCache[] = [];
  hooks.onPhase("caches-in");
  for (const [index, cache] of outermostFirst(task.caches).entries()) {
    const attached = await guest.attach(cache, index, task, hooks);
    if (!attached.ok) return attached;
    caches.push({ cache, attached: attached.value });
  }
  const ran = await runWithSecrets(guest, task, hooks);
  if (!ran.ok && !guestIsGood(ran.error)) return ran;
  hooks.onPhase("caches-out");
  const released = await releaseCaches(caches, hooks, {
    savedCaches,
    // A failed step's disk is thrown away, so there is nothing to put in order for it.
    detach: ran.ok,
    // Somebody may want to look into the machine as it is.
    stays: !ran.ok && keepFailed,
  });
  return ran.ok ? released : ran;
}

/**
 * Runs the command with its secrets, which are gone afterwards whatever it came to. What is wrong with them is the
 * task's failure: a cache or a layer that they could have got into must not be kept.
 */
async function runWithSecrets(guest: Guest, task: CommandTask, hooks: SandboxHooks): Done {
  if (!hasSecrets(task)) {
    hooks.onPhase("running");
    return guest.run(task, hooks);
  }
  if (guest.offerSecrets === undefined) {
    throw new Error("Internal error: secrets for a guest that cannot have them");
  }
  const offered = await guest.offerSecrets(task, hooks.signal);
  if (!offered.ok) return offered;
  hooks.onPhase("running");
  const ran = await guest.run(task, hooks);
  if (!ran.ok && !guestIsGood(ran.error)) return ran;
  const withdrawn = await offered.value.withdraw(hooks.signal);
  return withdrawn.ok ? ran : withdrawn;
}

interface OfferedCache {
  readonly cache: CacheAttachment;
  readonly attached: AttachedCache;
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
  caches: readonly OfferedCache[],
  hooks: SandboxHooks,
  options: {
    readonly savedCaches: SavedCache[];
    readonly detach: boolean;
    readonly stays: boolean;
  },
): Promise<Result<void, SandboxFailure>> {
  for (const { cache, attached } of caches.toReversed()) {
    const saved = await attached.save(options.stays, hooks.signal);
    if (saved.ok) {
      options.savedCaches.push({ target: cache.target, form: saved.value });
    } else if (saved.error.reason === "cache-failed") {
      hooks.onWarning(`the cache ${cache.name} keeps its old content: ${saved.error.message}`);
    } else {
      return saved;
    }
    if (!options.detach) continue;
    const detached = await attached.detach(hooks.signal);
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
