/**
 * The reference sandbox: boots a machine for every job and shuts it down after it. Works for any
 * guest that speaks SSH and obeys its power button.
 */
import { launch } from "../machine/launch.ts";
import type { Machine } from "../machine/machine.ts";
import { failed, ok, type Result } from "../result.ts";
import type { SandboxFailure } from "./failure.ts";
import type { Guest } from "./guest.ts";
import { checkGuest, guestOf } from "./guest-of.ts";
import type {
  CacheAttachment,
  FailedJob,
  KeptMachine,
  Sandbox,
  SandboxHooks,
  SandboxJob,
  SandboxReport,
} from "./sandbox.ts";
import { sshCommandLine } from "./ssh-command-line.ts";

export interface ColdSandboxOptions {
  /** Private key file of the store, for profiles that log in with it. */
  readonly storeIdentityPath: string;
}

export class ColdSandbox implements Sandbox {
  readonly #storeIdentityPath: string;

  constructor(options: ColdSandboxOptions) {
    this.#storeIdentityPath = options.storeIdentityPath;
  }

  async run(job: SandboxJob, hooks: SandboxHooks): Promise<Result<SandboxReport, FailedJob>> {
    const possible = checkGuest(job.profile);
    if (!possible.ok) return failed({ failure: possible.error, savedTargets: [] });
    hooks.onPhase("booting");
    const launched = await launch(
      {
        profile: job.profile,
        diskPath: job.diskPath,
        serialLogPath: job.serialLogPath,
        ...job.resources,
        network: job.network,
        storeIdentityPath: this.#storeIdentityPath,
        outliveParent: job.keepFailed,
      },
      {
        signal: hooks.signal,
        onPhase: (phase) => {
          if (phase === "connecting") hooks.onPhase("connecting");
        },
      },
    );
    if (!launched.ok) return failed({ failure: launched.error, savedTargets: [] });
    await using machine = launched.value;
    await hooks.onMachine(machine.pid);
    const savedTargets: string[] = [];
    const done = await this.#work(guestOf(machine.session, job.profile), job, hooks, savedTargets);
    if (!done.ok) {
      const failure = done.error;
      const kept = this.#keep(machine, job, failure);
      return failed({ failure, savedTargets, ...(kept === undefined ? {} : { kept }) });
    }
    hooks.onPhase("powering-off");
    const off = await machine.powerOff({ signal: hooks.signal });
    if (!off.ok) return failed({ failure: off.error, savedTargets });
    if (off.value.forced) {
      hooks.onWarning(
        `the guest ignored its power button for ${job.profile.powerOffTimeoutMs / 1000} s; its filesystems were flushed and it was switched off`,
      );
    }
    return ok({ savedTargets });
  }

  async #work(
    guest: Guest,
    job: SandboxJob,
    hooks: SandboxHooks,
    savedTargets: string[],
  ): Promise<Result<void, SandboxFailure>> {
    const { task } = job;
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

  #keep(machine: Machine, job: SandboxJob, failure: SandboxFailure): KeptMachine | undefined {
    if (!job.keepFailed || !guestIsGood(failure)) return undefined;
    machine.release();
    return {
      pid: machine.pid,
      sshCommand: sshCommandLine(job.profile.login, machine.sshPort, this.#storeIdentityPath),
    };
  }
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
function guestIsGood(failure: SandboxFailure): boolean {
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
