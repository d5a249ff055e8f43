/**
 * The sandbox that keeps machines: a job goes on where its parent's machine stands, and leaves its own
 * machine for the next, in this process or in another.
 *
 *     machine at hand (paused after the parent's job)  -> other disk, go on
 *     machine saved with the parent                    -> resume
 *     neither                                          -> boot, save that for the parent, resume
 *
 * Whatever is wrong with a suspended machine, the job boots and runs as in the cold sandbox.
 */
import { mkdir, rm, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { failed, ok, type Result } from "../result.ts";
import { lossFailure } from "../machine/end-failure.ts";
import type { MachineConfig } from "../machine/machine.ts";
import { resumeMachine, usableMachine } from "../suspend/resume-machine.ts";
import { saveMachine } from "../suspend/save-machine.ts";
import type { WarmMachine } from "../suspend/warm-machine.ts";
import { agentProfile, agentTask } from "./agent-guest.ts";
import type { ReadFailure, SandboxFailure } from "./failure.ts";
import { checkReadable, guestOf, lendGuest, readFrom } from "./guest-of.ts";
import { cleanUp } from "./clean-up.ts";
import { openNetwork } from "./open-network.ts";
import { PausedMachines } from "./paused-machines.ts";
import { rootShell } from "./posix-command.ts";
import { SharedBoots } from "./shared-boots.ts";
import {
  hasSecrets,
  type FailedJob,
  type LendJob,
  type LentGuest,
  type ReadJob,
  type Room,
  type Sandbox,
  type SandboxHooks,
  type SandboxJob,
  type SandboxReport,
  type SavedCache,
  type ShutDownHooks,
  type ShutDownJob,
  type WarmJob,
} from "./sandbox.ts";
import { workInGuest } from "./work-in-guest.ts";

/** How long QEMU's end is waited for, which then is the cause. */
const lossGraceMs = 2_000;

export interface WarmSandboxOptions {
  /** Private key file of the store, for profiles that log in with it. */
  readonly storeIdentityPath: string;
  /** Machines that may wait for a next job. */
  readonly paused: number;
  /** Also for guests whose profile says that their machines are not to be suspended. */
  readonly always: boolean;
  /** Gets a line about each machine that could not be used or kept. */
  readonly note: (message: string) => void;
  /** Reads a guest's files in a machine that is sooner there than one that is booted; undefined when it cannot. */
  readonly readOff?: (
    job: ReadJob,
    signal: AbortSignal,
  ) => Promise<Result<void, ReadFailure> | undefined>;
}

/** A job that has all a warm machine needs. */
type Job = SandboxJob & { readonly warm: WarmJob };

/** What of it decides which machine it gets, and on what disk. */
type MachineJob = Omit<ShutDownJob, "suspendedDir"> &
  Pick<SandboxJob, "network"> & { readonly warm: Omit<WarmJob, "dir"> };

type MachineHooks = Pick<SandboxHooks, "signal" | "onPhase" | "onMachine">;

/** A machine to work in, or why there is none: the job's failure, or undefined to boot it cold. */
type Obtained = Result<WarmMachine, SandboxFailure | undefined>;

export class WarmSandbox implements Sandbox {
  readonly #options: WarmSandboxOptions;
  readonly #paused: PausedMachines;
  readonly #boots = new SharedBoots();

  constructor(options: WarmSandboxOptions) {
    this.#options = options;
    this.#paused = new PausedMachines(options.paused);
  }

  async run(job: SandboxJob, hooks: SandboxHooks): Promise<Result<SandboxReport, FailedJob>> {
    // A failed step's machine is to be looked into over SSH, so it is one that was booted.
    if (job.warm === undefined || job.keepFailed || !(await this.#isWarm(job))) {
      return (await this.#cold()).run(job, hooks);
    }
    const warmJob: Job = { ...job, warm: job.warm };
    await mkdir(job.workDir, { recursive: true, mode: 0o700 });
    try {
      const obtained = await this.#obtain(warmJob, hooks);
      if (!obtained.ok) {
        return obtained.error === undefined
          ? await (await this.#cold()).run(job, hooks)
          : failed({ failure: obtained.error, savedCaches: [] });
      }
      return await this.#work(obtained.value, warmJob, hooks);
    } finally {
      await rm(job.workDir, { recursive: true, force: true });
    }
  }

  /** Resumes the machine where it was saved, which spares the boot. */
  async shutDown(job: ShutDownJob, hooks: ShutDownHooks): Promise<Result<void, SandboxFailure>> {
    const resumed = await this.#resumeSaved(job, hooks);
    if (resumed === undefined) return (await this.#cold()).shutDown(job, hooks);
    await using warm = resumed;
    const off = await warm.machine.powerOff({ signal: hooks.signal });
    return off.ok ? ok() : off;
  }

  async read(job: ReadJob, hooks: ShutDownHooks): Promise<Result<void, ReadFailure>> {
    const possible = checkReadable(job.profile);
    if (!possible.ok) return possible;
    const resumed = (await this.#goOn(job, hooks)) ?? (await this.#resumeSaved(job, hooks));
    if (resumed === undefined) {
      const read = await this.#options.readOff?.(job, hooks.signal);
      return read ?? (await this.#cold()).read(job, hooks);
    }
    await using warm = resumed;
    const { hotPlug } = warm.machine;
    const { note } = this.#options;
    const disks = hotPlug === undefined ? undefined : { hotPlug, workDir: job.workDir, note };
    const guest = guestOf(warm.session, agentProfile(job.profile), {
      flush: false,
      ...(disks === undefined ? {} : { disks }),
    });
    return await readFrom(guest, job, hooks.signal);
  }

  async lend<T>(
    job: LendJob,
    hooks: ShutDownHooks,
    use: (guest: LentGuest) => Promise<T>,
  ): Promise<Result<T, SandboxFailure>> {
    if (!(await this.#isWarm(job))) return (await this.#cold()).lend(job, hooks, use);
    const { id, suspendedDir: parentDir, onUsed, offer } = job;
    const warm = { id, parent: id, parentDir, freshBoot: false, onUsed, offer };
    await mkdir(job.workDir, { recursive: true, mode: 0o700 });
    const obtained = await this.#obtain({ ...job, warm }, { ...hooks, onPhase() {} });
    if (!obtained.ok) {
      return obtained.error === undefined
        ? (await this.#cold()).lend(job, hooks, use)
        : failed(obtained.error);
    }
    await using machine = obtained.value;
    const { session } = machine;
    if (job.network) await openNetwork(session, hooks.signal);
    const { hotPlug } = machine.machine;
    const profile = agentProfile(job.profile);
    return await lendGuest(
      { session, profile, ...(hotPlug === undefined ? {} : { hotPlug }) },
      use,
    );
  }

  rest(room?: Room): Promise<void> {
    return this.#paused.trim(room);
  }

  /** Whether a job may have a machine that can be suspended. */
  async #isWarm({ profile, diskPath, resources }: ShutDownJob | SandboxJob): Promise<boolean> {
    const isWanted = this.#options.always || profile.bootMode !== "cold";
    if (!isWanted || profile.os !== "linux") return false;
    if ((await freeBytes(dirname(diskPath))) >= resources.memoryBytes) return true;
    this.#options.note("the disk has no room for suspended machines");
    return false;
  }

  /** The machine that stands at the job's layer in this process, on the job's disk. */
  async #goOn(job: ReadJob, hooks: ShutDownHooks): Promise<WarmMachine | undefined> {
    const paused = await this.#paused.take(job.id);
    if (paused === undefined) return undefined;
    const { diskPath, suspendedDir: parentDir } = job;
    const machine = await this.#paused.goOn(paused, { diskPath, warm: { parentDir } }, hooks);
    if (machine === undefined) await paused.warm[Symbol.asyncDispose]();
    return machine;
  }

  /** The machine that was saved with the layer, on the job's disk. */
  async #resumeSaved(job: ShutDownJob, hooks: ShutDownHooks): Promise<WarmMachine | undefined> {
    const { suspendedDir: dir, workDir } = job;
    const config = this.#config({ ...job, network: false });
    const usable = await usableMachine(config, dir, workDir);
    if (usable?.ok !== true) return undefined;
    await using pinned = usable.value;
    const resumed = await resumeMachine(config, pinned, hooks);
    return resumed.ok ? resumed.value : undefined;
  }

  /** SSH takes longer to load than a resumed machine to answer, so it is loaded when something boots. */
  async #cold(): Promise<Sandbox> {
    const { ColdSandbox } = await import("./cold-sandbox.ts");
    return new ColdSandbox(this.#options);
  }

  async #work(
    warm: WarmMachine,
    job: Job,
    hooks: SandboxHooks,
  ): Promise<Result<SandboxReport, FailedJob>> {
    const { profile, task, network } = job;
    const savedCaches: SavedCache[] = [];
    let keep = false;
    try {
      if (network) await openNetwork(warm.session, hooks.signal);
      const { hotPlug } = warm.machine;
      const note = (message: string) => this.#note(job, message);
      const disks = hotPlug === undefined ? undefined : { hotPlug, workDir: job.workDir, note };
      const guest = guestOf(warm.session, agentProfile(profile), {
        flush: false,
        ...(disks === undefined ? {} : { disks }),
      });
      const inGuest = { ...job, task: agentTask(profile, task) };
      const done = await workInGuest(guest, inGuest, hooks, savedCaches);
      if (!done.ok) return failed({ failure: done.error, savedCaches });
      hooks.onPhase("suspending");
      const clean = await cleanUp(warm, hooks.signal);
      if (!clean.ok) return failed({ failure: clean.error, savedCaches });
      const { changes, baseline } = clean.value;
      if (hasSecrets(task)) {
        this.#note(job, "its machine is not kept: it has held a secret");
      } else if (hotPlug?.inUse === true) {
        this.#note(job, "its machine is not kept: a disk could not be unplugged");
      } else if (changes.length === 0) {
        keep = await this.#save({ ...warm, baseline }, job, hooks);
      } else {
        this.#note(job, `its machine is not kept: the step changed ${changes[0]}${more(changes)}`);
      }
      if (hooks.signal.aborted) return failed({ failure: { reason: "cancelled" }, savedCaches });
      if (!keep) {
        // QEMU writes what it holds of the disk's own tables when the guest is stopped.
        const stopped = await warm.machine.monitor.execute("stop", {}, hooks.signal);
        if (!stopped.ok)
          return failed({ failure: await this.#lost(warm, job, hooks), savedCaches });
      }
      return ok({ savedCaches, running: true });
    } finally {
      if (!keep) await warm[Symbol.asyncDispose]();
    }
  }

  /** Why a machine does not answer any more: nobody but its user cancels it. */
  async #lost(warm: WarmMachine, job: Job, { signal }: SandboxHooks): Promise<SandboxFailure> {
    if (signal.aborted) return { reason: "cancelled" };
    return await lossFailure("QEMU does not answer", warm.machine, job, lossGraceMs);
  }

  async #save(warm: WarmMachine, job: Job, hooks: SandboxHooks): Promise<boolean> {
    const { signal, onDiskComplete } = hooks;
    const saved = await saveMachine(warm, {
      dir: job.warm.dir,
      signal,
      onDiskReleased: onDiskComplete,
    });
    if (!saved.ok) {
      this.#note(job, `its machine is not kept: ${saved.error}`);
      return false;
    }
    const sealed = await this.#paused.seal(warm, job.diskPath, signal);
    if (!sealed.ok) {
      this.#note(job, `its machine is saved, and ended: ${sealed.error}`);
      return false;
    }
    const { network, resources } = job;
    await this.#paused.add(job.warm.id, { warm, saved: saved.value, network, resources });
    return true;
  }

  async #obtain(job: MachineJob, hooks: MachineHooks): Promise<Obtained> {
    const { warm } = job;
    const paused = await this.#paused.take(warm.parent);
    if (paused !== undefined) {
      const same = !warm.freshBoot && paused.network === job.network;
      const machine = same ? await this.#paused.goOn(paused, job, hooks) : undefined;
      if (machine !== undefined) return ok(machine);
      await paused.warm[Symbol.asyncDispose]();
    }
    const boots = warm.freshBoot ? new SharedBoots() : this.#boots;
    for (;;) {
      const resumed = await this.#resumeFrom(warm.parentDir, job, hooks);
      if (resumed.ok || resumed.error !== undefined) return resumed;
      if (!boots.isBooting(warm.parent)) break;
      hooks.onPhase("booting");
      await boots.ended(warm.parent, hooks.signal);
      if (hooks.signal.aborted) return failed({ reason: "cancelled" });
    }
    const booted = await boots.run(warm.parent, () => this.#boot(job, hooks));
    if (!booted.ok) return booted;
    return this.#resumeFrom(booted.value, job, hooks);
  }

  /** Resumes the machine saved in `dir`; undefined when there is none that can be used. */
  async #resumeFrom(dir: string, job: MachineJob, hooks: MachineHooks): Promise<Obtained> {
    const config = this.#config(job);
    const usable = await usableMachine(config, dir, job.workDir);
    if (usable === undefined) return failed(undefined);
    if (!usable.ok) {
      this.#note(job, `the suspended machine is not used: ${usable.error}`);
      return failed(undefined);
    }
    await using pinned = usable.value;
    // A machine that has done nothing since its boot is as good as a boot.
    if (job.warm.freshBoot && !pinned.record.hasDisk) return failed(undefined);
    hooks.onPhase("resuming");
    const { signal, onMachine } = hooks;
    const resumed = await resumeMachine(config, pinned, { signal, onMachine });
    if (resumed.ok) {
      await job.warm.onUsed();
      return resumed;
    }
    if (signal.aborted) return failed({ reason: "cancelled" });
    this.#note(job, `the suspended machine is not used: ${resumed.error}`);
    return failed(undefined);
  }

  /** Boots the parent's disk and saves the machine for all that start there; gives where it is. */
  async #boot(
    job: MachineJob,
    hooks: MachineHooks,
  ): Promise<Result<string, SandboxFailure | undefined>> {
    const { signal, onMachine } = hooks;
    const { workDir } = job;
    const { offer, freshBoot } = job.warm;
    hooks.onPhase("booting");
    const { bootMachine } = await bootModule();
    const booted = await bootMachine(this.#config({ ...job, network: false }), {
      rootShell: rootShell(job.profile),
      signal,
      onMachine,
      onPhase: (phase) => {
        if (phase === "connecting") hooks.onPhase("connecting");
      },
    });
    if (!booted.ok) {
      if (booted.error.kind === "machine") return failed(booted.error.failure);
      this.#note(job, `its machine cannot be suspended: ${booted.error.why}`);
      return failed(undefined);
    }
    await using machine = booted.value;
    const dir = join(workDir, "booted");
    const saved = await saveMachine(machine, { dir, diskPath: job.diskPath, signal });
    if (saved.ok) return ok(freshBoot ? dir : await offer(dir));
    if (signal.aborted) return failed({ reason: "cancelled" });
    this.#note(job, `its machine cannot be suspended: ${saved.error}`);
    return failed(undefined);
  }

  #config({
    profile,
    diskPath,
    serialLogPath,
    resources,
    network,
  }: Omit<ShutDownJob, "suspendedDir" | "workDir"> & Pick<Job, "network">): Omit<
    MachineConfig,
    "ramPath"
  > {
    return {
      profile,
      diskPath,
      serialLogPath,
      ...resources,
      network,
      storeIdentityPath: this.#options.storeIdentityPath,
      outliveParent: false,
    };
  }

  #note(job: Pick<MachineJob, "warm">, message: string): void {
    this.#options.note(`${job.warm.id.slice(0, 12)}: ${message}`);
  }
}

/**
 * Loaded when something boots, see `#cold`. In a function of its own, since TypeScript 6.0 leaves the path
 * of an import as it is where `await using` is translated.
 */
function bootModule() {
  return import("../suspend/boot-machine.ts");
}

async function freeBytes(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir);
  return bavail * bsize;
}

function more(changes: readonly string[]): string {
  return changes.length === 1 ? "" : ` and ${changes.length - 1} more`;
}
