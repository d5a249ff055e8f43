import { availableParallelism } from "node:os";
import { contextOf } from "./build/context-of.ts";
import type { BuildEnvironment } from "./build/environment.ts";
import { type Capacity, MachineSlots } from "./build/machine-slots.ts";
import { SharedSteps } from "./build/shared-steps.ts";
import { FileBaseImages } from "./image/file-base-images.ts";
import { storeIdentityPath } from "./image/store-identity-path.ts";
import type { Accelerator } from "./machine/accelerator.ts";
import type { MachineFailure } from "./machine/failure.ts";
import { availableMemoryBytes } from "./machine/host-memory.ts";
import type { GuestArch } from "./profile/profile.ts";
import { ok, type Result } from "./result.ts";
import type { WarmSandboxOptions } from "./sandbox/warm-sandbox.ts";
import type { Sandbox } from "./sandbox/sandbox.ts";
import { storeLayout } from "./store/layout.ts";
import { loadState, saveState } from "./store/remembered.ts";
import type { Store } from "./store/store.ts";
import { vmbuildVersion } from "./build/version.ts";

/** How to build, besides the spec. Absent means: as the guest's profile or the default says. */
export interface EnvironmentRequest {
  readonly store: Store;
  /** Directory that `copy` reads, absolute. */
  readonly contextDir: string;
  readonly memoryBytes?: number;
  readonly cpus?: number;
  /** @default "auto": the fastest that works, found by running code */
  readonly accelerator?: "auto" | Accelerator;
  readonly bootTimeoutMs?: number;
  /**
   * Whether a step goes on with the machine its parent left (`warm`), or boots one and powers it off
   * (`cold`). Both give the same layers. @default what the profile says, or else "warm", where the guest
   * and the host allow it
   */
  readonly boot?: "warm" | "cold";
  /** Bytes that suspended machines may take on the disk. @default a quarter of the room there is */
  readonly warmBudgetBytes?: number;
  /**
   * Machines that may be there at once, running or paused. @default as many as the host's free memory holds and its
   * CPUs are enough for, by what each takes
   */
  readonly jobs?: number;
  /** Bytes kept of a step's output. @default 4 GiB */
  readonly logLimitBytes?: number;
  /**
   * The values of secrets, by the ids that specs give them. Only a guest's RAM gets them. @default none
   */
  readonly secrets?: ReadonlyMap<string, Uint8Array>;
  /** Leave the machine of a failed step running, unless it has held a secret. @default false */
  readonly keepFailed?: boolean;
  /** Gets what is worth knowing to those who asked for detail. */
  readonly note?: (message: string) => void;
}

const defaultLogLimitBytes = 4 * 1024 ** 3;

/** What QEMU takes besides the guest's RAM, which under emulation is mostly translated code. */
const qemuBytes = { tcg: 300 * 2 ** 20, kvm: 100 * 2 ** 20 } as const;

/** A number that was asked for is taken as it is. */
function capacityOf(jobs: number | undefined): Capacity {
  return jobs === undefined
    ? { machines: Infinity, memoryBytes: availableMemoryBytes(), cpus: availableParallelism() }
    : { machines: jobs, memoryBytes: Infinity, cpus: Infinity };
}

/**
 * Puts together what a build works with. Loads QEMU's and SSH's modules only when a machine is needed.
 *
 * Builds with one environment share the steps they have in common: such a step is built once, and cancelled
 * when all of them were. They share the places for machines, too.
 */
export function createBuildEnvironment(request: EnvironmentRequest): BuildEnvironment {
  const { store } = request;
  const layout = storeLayout(store.root);
  const accelerator = acceleratorChoice(request);
  const env: BuildEnvironment = {
    store,
    steps: new SharedSteps(),
    sandbox: lazySandbox(request, storeIdentityPath(layout), async (job, signal) => {
      const { readGuestFiles } = await import("./appliance/read-guest-files.ts");
      // The place that the reader holds is for a machine that is not there yet.
      const slots = new MachineSlots(capacityOf(Infinity));
      return readGuestFiles({ ...env, slots }, job, { signal, note: request.note ?? (() => {}) });
    }),
    bases: new FileBaseImages(layout),
    async resources(profile, signal) {
      const chosen = await accelerator(profile.arch, signal);
      if (!chosen.ok) return chosen;
      const memoryBytes = request.memoryBytes ?? profile.memoryBytes;
      return ok({
        memoryBytes,
        hostMemoryBytes: memoryBytes + qemuBytes[chosen.value],
        cpus: request.cpus ?? profile.cpus,
        accelerator: chosen.value,
        bootTimeoutMs: request.bootTimeoutMs ?? profile.bootTimeoutMs,
      });
    },
    context: contextOf(request.contextDir),
    logLimitBytes: request.logLimitBytes ?? defaultLogLimitBytes,
    slots: new MachineSlots(capacityOf(request.jobs)),
    ...(request.warmBudgetBytes === undefined ? {} : { warmBudgetBytes: request.warmBudgetBytes }),
    ...(request.secrets === undefined ? {} : { secrets: request.secrets }),
    keepFailed: request.keepFailed ?? false,
    version: vmbuildVersion(),
  };
  return env;
}

function lazySandbox(
  { boot, jobs, note = () => {} }: EnvironmentRequest,
  storeIdentityPath: string,
  readOff: NonNullable<WarmSandboxOptions["readOff"]>,
): Sandbox {
  let made: Promise<Sandbox> | undefined;
  const make = async (): Promise<Sandbox> => {
    if (boot === "cold") {
      const { ColdSandbox } = await import("./sandbox/cold-sandbox.ts");
      return new ColdSandbox({ storeIdentityPath, note });
    }
    const { WarmSandbox } = await import("./sandbox/warm-sandbox.ts");
    const paused = jobs ?? availableParallelism();
    return new WarmSandbox({ storeIdentityPath, paused, note, always: boot === "warm", readOff });
  };
  return {
    async run(job, hooks) {
      made ??= make();
      return (await made).run(job, hooks);
    },
    async shutDown(job, hooks) {
      made ??= make();
      return (await made).shutDown(job, hooks);
    },
    async read(job, hooks) {
      made ??= make();
      return (await made).read(job, hooks);
    },
    async lend(job, hooks, use) {
      made ??= make();
      return (await made).lend(job, hooks, use);
    },
    async rest(room) {
      await (await made)?.rest(room);
    },
  };
}

type Choice = Result<Accelerator, MachineFailure>;

/** Chooses once per architecture, however many steps ask at once. */
function acceleratorChoice({
  store,
  accelerator: wanted = "auto",
  note = () => {},
}: EnvironmentRequest): (arch: GuestArch, signal: AbortSignal) => Promise<Choice> {
  const choices = new Map<GuestArch, Promise<Choice>>();
  const choose = async (arch: GuestArch, signal: AbortSignal): Promise<Choice> => {
    if (wanted !== "auto") {
      note(`accelerator: ${wanted}, as asked for`);
      return ok(wanted);
    }
    const { chooseAccelerator } = await import("./machine/accelerator-probe.ts");
    const choice = await chooseAccelerator({
      arch,
      signal,
      memory: {
        load: (validate) => loadState(store.root, "accelerator", validate),
        save: async (value) => void (await saveState(store.root, "accelerator", value)),
      },
    });
    if (!choice.ok) return choice;
    note(`accelerator: ${choice.value.reason}`);
    return ok(choice.value.accelerator);
  };
  return (arch, signal) => {
    const choice = choices.get(arch) ?? choose(arch, signal);
    choices.set(arch, choice);
    return choice;
  };
}
