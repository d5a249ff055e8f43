/**
 * A machine: one running QEMU process with its QMP monitor and an SSH session into its guest.
 *
 * There is no unlaunched machine: `launch` gives a running one or a failure with everything cleaned up.
 */
import type { Result } from "../result.ts";
import type { Accelerator } from "./accelerator.ts";
import type { MachineFailure } from "./failure.ts";
import type { Profile } from "../profile/profile.ts";
import type { HotPlug } from "./hot-plug.ts";
import type { QmpClient } from "./qmp.ts";
import type { AgentSockets } from "./qemu-suspend.ts";
import type { OwnedSession } from "./session.ts";

/** Everything that decides the QEMU command line and how the guest is reached. */
export interface MachineConfig {
  readonly profile: Profile;
  /** qcow2 system disk, absolute path; the machine writes to it. */
  readonly diskPath: string;
  /** Where QEMU writes the guest's first serial port. */
  readonly serialLogPath: string;
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly accelerator: Accelerator;
  /** `-cpu`; absent takes the default for architecture and accelerator (`defaultCpuModel`). */
  readonly cpuModel?: string;
  /** False isolates the guest from every network (`restrict=on`). */
  readonly network: boolean;
  readonly bootTimeoutMs: number;
  /** Private key file of the store, for profiles whose identity is `store`. */
  readonly storeIdentityPath: string;
  /**
   * True keeps QEMU alive after this process ends (`--keep-failed`); otherwise the kernel kills QEMU
   * with this process, however it ends.
   */
  readonly outliveParent: boolean;
  /**
   * A file that holds the guest's RAM before its start, for a machine that can be suspended: it gets the
   * agent's ports too. The file is read and never written.
   */
  readonly ramPath?: string;
}

/** Steps of a start, in order, for progress. */
export type MachinePhase = "starting" | "booting" | "connecting" | "ready" | "powering-off";

export interface LaunchOptions {
  readonly signal: AbortSignal;
  readonly onPhase?: (phase: MachinePhase) => void;
}

export interface Machine extends AsyncDisposable {
  readonly pid: number;
  /** Port on 127.0.0.1 that leads to the guest's SSH server. */
  readonly sshPort: number;
  readonly session: OwnedSession;
  /** QEMU's command line, the program first. */
  readonly argv: readonly string[];
  /** The monitor, for what a machine itself does not do: suspending, other disks. */
  readonly monitor: QmpClient;
  /** Where disks can be plugged in while it runs; absent when its profile has no controller for them. */
  readonly hotPlug?: HotPlug;
  /** The agent's ports, for a machine with `ramPath`. */
  readonly agent: AgentSockets;
  /** Settles when the agent in the guest lets go of its ports; may never. */
  readonly agentGone: Promise<void>;
  /** QEMU's own version, from the QMP greeting, for example `7.2.22`. */
  readonly qemuVersion: string;
  /** Settles when QEMU has ended, for whatever reason; never rejects. */
  readonly ended: Promise<MachineEnd>;
  /**
   * Presses the ACPI power button and waits for QEMU to end; kills QEMU after the profile's time.
   *
   * `forced` says that the guest ignored the button. The caller has flushed the guest before, so the
   * disk is good in both cases. Fails when QEMU died with an error or the signal was aborted.
   */
  powerOff(options: LaunchOptions): Promise<Result<{ readonly forced: boolean }, MachineFailure>>;
  /** Gives up control and leaves QEMU running; only with `outliveParent`. */
  release(): void;
  /** Kills QEMU if it still runs and removes its sockets. Idempotent. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** How QEMU ended. `reason` is the guest's doing as QMP tells it, or QEMU's own end. */
export interface MachineEnd {
  readonly reason:
    | "guest-shutdown"
    | "guest-reset"
    | "guest-panic"
    | "killed"
    | "crashed"
    /** The host had no room for what the guest wrote, so the machine was ended. */
    | "disk-full";
  readonly exitCode?: number;
  readonly signal?: string;
  /** The last lines QEMU wrote to its standard error. */
  readonly stderr: string;
}
