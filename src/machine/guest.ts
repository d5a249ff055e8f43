/**
 * A guest: one running QEMU process with its QMP monitor, for a disk that nobody logs into. What is inside is not
 * known: no profile, no key, no SSH.
 *
 * There is no unstarted guest: `bootGuest` gives a running one or a failure with everything cleaned up.
 */
import type { DiskBus, GuestArch, GuestOs } from "../profile/profile.ts";
import type { Result } from "../result.ts";
import type { Accelerator } from "./accelerator.ts";
import type { MachineFailure } from "./failure.ts";
import type { ForwardedPort } from "./forwarded-port.ts";
import type { MachineEnd } from "./machine.ts";
import type { MachineBoot } from "./qemu-boot.ts";
import type { PortForward } from "./qemu-network.ts";
import type { QmpClient } from "./qmp.ts";

/** Everything that decides the QEMU command line. Paths are absolute unless something else is said. */
export interface GuestConfig {
  readonly os: GuestOs;
  readonly arch: GuestArch;
  /** `-M`, for example `q35` or `virt`. */
  readonly machine: string;
  readonly boot: MachineBoot;
  /** The system disk; the guest writes to it. */
  readonly diskPath: string;
  readonly diskFormat: "qcow2" | "raw";
  readonly diskBus: DiskBus;
  /** True for a disk that is kept as it is: what the guest flushes is on the host's disk then. @default false */
  readonly isDurable?: boolean;
  /** A second disk, raw, which the guest may only read: a NoCloud seed. */
  readonly seedPath?: string;
  /** `serial` of SMBIOS type 1, where cloud-init looks for its datasource. */
  readonly smbiosSerial?: string;
  /** False isolates the guest from every network; its forwarded ports work all the same. */
  readonly network: boolean;
  /** TCP ports of the guest's that are reached on 127.0.0.1. */
  readonly forwards: readonly PortForward[];
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly accelerator: Accelerator;
  /** `-cpu`; absent takes the default for architecture and accelerator (`defaultCpuModel`). */
  readonly cpuModel?: string;
  readonly console: GuestConsole;
  /** Where a second monitor (QMP) listens, for others; may be relative, since a socket's path has to be short. */
  readonly qmpPath?: string;
  /** Names of virtio-serial ports, as the guest sees them in `/dev/virtio-ports`; at most 30. */
  readonly ports: readonly string[];
}

/** What the guest's first serial port is connected to. */
export type GuestConsole =
  /**
   * Standard input and output of this process. A terminal is put into raw mode, so that Ctrl-C goes to the guest;
   * Ctrl-A x ends the machine, Ctrl-A h tells what else there is.
   */
  | {
      readonly kind: "terminal";
      /** Gets a copy of what the guest writes. */
      readonly logPath?: string;
    }
  | { readonly kind: "file"; readonly path: string };

export interface PowerOffRequest {
  /** How long the guest may take from the first press of its button. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface Guest extends AsyncDisposable {
  readonly pid: number;
  /** QEMU's command line, the program first. */
  readonly argv: readonly string[];
  readonly monitor: QmpClient;
  /** Unix sockets of the virtio-serial ports, by their names; each takes one connection at a time. */
  readonly ports: ReadonlyMap<string, string>;
  /** Those of the configuration, in its order, with the real ports of the host. */
  readonly forwards: readonly ForwardedPort[];
  /** Settles when QEMU has ended, for whatever reason; never rejects. A guest's reboot is no end. */
  readonly ended: Promise<MachineEnd>;
  /**
   * Presses the ACPI power button and waits for QEMU to end; ends QEMU itself after the time, which `forced` tells.
   * Fails when QEMU died with an error or the signal was aborted.
   */
  powerOff(request: PowerOffRequest): Promise<Result<{ readonly forced: boolean }, MachineFailure>>;
  /**
   * Ends QEMU if it still runs, so that it closes its disk, and removes its sockets. Idempotent.
   */
  [Symbol.asyncDispose](): Promise<void>;
}
