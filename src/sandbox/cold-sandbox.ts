/**
 * The reference sandbox: boots a machine for every job and shuts it down after it. Works for any
 * guest that speaks SSH and obeys its power button.
 */
import { rm } from "node:fs/promises";
import { launch } from "../machine/launch.ts";
import type { Machine } from "../machine/machine.ts";
import { failed, ok, type Result } from "../result.ts";
import type { ReadFailure, SandboxFailure } from "./failure.ts";
import {
  checkReadable,
  checkTask,
  flushesItself,
  guestOf,
  lendGuest,
  readFrom,
} from "./guest-of.ts";
import {
  hasSecrets,
  type FailedJob,
  type KeptMachine,
  type LendJob,
  type LentGuest,
  type ReadJob,
  type Sandbox,
  type SandboxHooks,
  type SandboxJob,
  type SandboxReport,
  type SavedCache,
  type ShutDownHooks,
  type ShutDownJob,
} from "./sandbox.ts";
import { sshCommandLine } from "./ssh-command-line.ts";
import { guestIsGood, workInGuest } from "./work-in-guest.ts";

export interface ColdSandboxOptions {
  /** Private key file of the store, for profiles that log in with it. */
  readonly storeIdentityPath: string;
  /** Gets a line about each disk that could not be used. */
  readonly note: (message: string) => void;
}

export class ColdSandbox implements Sandbox {
  readonly #storeIdentityPath: string;
  readonly #note: (message: string) => void;

  constructor(options: ColdSandboxOptions) {
    this.#storeIdentityPath = options.storeIdentityPath;
    this.#note = options.note;
  }

  async run(job: SandboxJob, hooks: SandboxHooks): Promise<Result<SandboxReport, FailedJob>> {
    const possible = checkTask(job.profile, job.task);
    if (!possible.ok) return failed({ failure: possible.error, savedCaches: [] });
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
    if (!launched.ok) return failed({ failure: launched.error, savedCaches: [] });
    await using machine = launched.value;
    await hooks.onMachine(machine.pid);
    const savedCaches: SavedCache[] = [];
    const { hotPlug } = machine;
    const { workDir } = job;
    const disks = hotPlug === undefined ? undefined : { hotPlug, workDir, note: this.#note };
    const guest = guestOf(machine.session, job.profile, {
      flush: true,
      ...(disks === undefined ? {} : { disks }),
    });
    const done = await workInGuest(guest, job, hooks, savedCaches);
    await rm(workDir, { recursive: true, force: true });
    if (!done.ok) {
      const failure = done.error;
      const kept = this.#keep(machine, job, failure, hooks);
      return failed({ failure, savedCaches, ...(kept === undefined ? {} : { kept }) });
    }
    hooks.onPhase("powering-off");
    const off = await machine.powerOff({ signal: hooks.signal });
    if (!off.ok) return failed({ failure: off.error, savedCaches });
    if (off.value.forced) {
      if (!flushesItself(job.profile)) {
        const { powerOffTimeoutMs: timeoutMs } = job.profile;
        return failed({ failure: { reason: "power-off-ignored", timeoutMs }, savedCaches });
      }
      hooks.onWarning(
        `the guest ignored its power button for ${job.profile.powerOffTimeoutMs / 1000} s; its filesystems were flushed and it was switched off`,
      );
    }
    return ok({ savedCaches });
  }

  async shutDown(job: ShutDownJob, hooks: ShutDownHooks): Promise<Result<void, SandboxFailure>> {
    const launched = await this.#launch(job, hooks);
    if (!launched.ok) return launched;
    await using machine = launched.value;
    const off = await machine.powerOff({ signal: hooks.signal });
    return off.ok ? ok() : off;
  }

  async read(job: ReadJob, hooks: ShutDownHooks): Promise<Result<void, ReadFailure>> {
    const possible = checkReadable(job.profile);
    if (!possible.ok) return possible;
    const launched = await this.#launch(job, hooks);
    if (!launched.ok) return launched;
    await using machine = launched.value;
    const { hotPlug } = machine;
    const { workDir } = job;
    const disks = hotPlug === undefined ? undefined : { hotPlug, workDir, note: this.#note };
    const guest = guestOf(machine.session, job.profile, {
      flush: true,
      ...(disks === undefined ? {} : { disks }),
    });
    return await readFrom(guest, job, hooks.signal);
  }

  async lend<T>(
    job: LendJob,
    hooks: ShutDownHooks,
    use: (guest: LentGuest) => Promise<T>,
  ): Promise<Result<T, SandboxFailure>> {
    const launched = await this.#launch(job, hooks, job.network);
    if (!launched.ok) return launched;
    await using machine = launched.value;
    const { session, hotPlug } = machine;
    const { profile } = job;
    return await lendGuest(
      { session, profile, ...(hotPlug === undefined ? {} : { hotPlug }) },
      use,
    );
  }

  async #launch(
    { profile, diskPath, serialLogPath, resources }: ShutDownJob,
    { signal, onMachine }: ShutDownHooks,
    network = false,
  ): Promise<Result<Machine, SandboxFailure>> {
    const launched = await launch(
      {
        profile,
        diskPath,
        serialLogPath,
        ...resources,
        network,
        storeIdentityPath: this.#storeIdentityPath,
        outliveParent: false,
      },
      { signal },
    );
    if (launched.ok) await onMachine(launched.value.pid);
    return launched;
  }

  /** No machine outlives its job. */
  async rest(): Promise<void> {}

  #keep(
    machine: Machine,
    job: SandboxJob,
    failure: SandboxFailure,
    hooks: SandboxHooks,
  ): KeptMachine | undefined {
    if (!job.keepFailed || !guestIsGood(failure)) return undefined;
    if (hasSecrets(job.task)) {
      hooks.onWarning("its machine is not left running, since it has held a secret");
      return undefined;
    }
    machine.release();
    return {
      pid: machine.pid,
      sshCommand: sshCommandLine(job.profile.login, machine.sshPort, this.#storeIdentityPath),
    };
  }
}
