/**
 * The reference sandbox: boots a machine for every job and shuts it down after it. Works for any
 * guest that speaks SSH and obeys its power button.
 */
import { launch } from "../machine/launch.ts";
import type { Machine } from "../machine/machine.ts";
import { failed, ok, type Result } from "../result.ts";
import type { SandboxFailure } from "./failure.ts";
import { checkGuest, guestOf } from "./guest-of.ts";
import type {
  FailedJob,
  KeptMachine,
  Sandbox,
  SandboxHooks,
  SandboxJob,
  SandboxReport,
  ShutDownHooks,
  ShutDownJob,
} from "./sandbox.ts";
import { sshCommandLine } from "./ssh-command-line.ts";
import { guestIsGood, workInGuest } from "./work-in-guest.ts";

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
    const done = await workInGuest(
      guestOf(machine.session, job.profile, { flush: true }),
      job.task,
      hooks,
      savedTargets,
    );
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

  async shutDown(
    { profile, diskPath, serialLogPath, resources }: ShutDownJob,
    { signal, onMachine }: ShutDownHooks,
  ): Promise<Result<void, SandboxFailure>> {
    const launched = await launch(
      {
        profile,
        diskPath,
        serialLogPath,
        ...resources,
        network: false,
        storeIdentityPath: this.#storeIdentityPath,
        outliveParent: false,
      },
      { signal },
    );
    if (!launched.ok) return launched;
    await using machine = launched.value;
    await onMachine(machine.pid);
    const off = await machine.powerOff({ signal });
    return off.ok ? ok() : off;
  }

  /** No machine outlives its job. */
  async rest(): Promise<void> {}

  #keep(machine: Machine, job: SandboxJob, failure: SandboxFailure): KeptMachine | undefined {
    if (!job.keepFailed || !guestIsGood(failure)) return undefined;
    machine.release();
    return {
      pid: machine.pid,
      sshCommand: sshCommandLine(job.profile.login, machine.sshPort, this.#storeIdentityPath),
    };
  }
}
