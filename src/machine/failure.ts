import type { GuestArch } from "../profile/profile.ts";

/** What can go wrong with a machine, by whose fault it is. Each carries what a person needs to act. */
export type MachineFailure =
  /** The host lacks a program. */
  | { readonly reason: "program-missing"; readonly program: string; readonly debianPackage: string }
  /** No directory on the host can hold QEMU's control socket. */
  | {
      readonly reason: "runtime-dir-unusable";
      readonly path: string;
      readonly message: string;
      readonly hint: string;
    }
  /** QEMU refused its arguments or ended before the guest was reached. */
  | {
      readonly reason: "qemu-failed";
      readonly argv: readonly string[];
      readonly exitCode?: number;
      readonly signal?: string;
      readonly stderr: string;
      readonly serialTail: string;
    }
  /** A port of 127.0.0.1 that was asked for by its number cannot be listened on; `code` is the system's (`EADDRINUSE`). */
  | { readonly reason: "port-unusable"; readonly port: number; readonly code?: string | undefined }
  /** Another program writes to the disk, or the machine would write to what another one reads. */
  | { readonly reason: "disk-in-use"; readonly path: string }
  /** No monitor can listen where the user wants one. */
  | { readonly reason: "socket-unusable"; readonly path: string; readonly message: string }
  /** No firmware of the host's fits the machine. */
  | {
      readonly reason: "firmware-missing";
      readonly arch: GuestArch;
      readonly machine: string;
      readonly debianPackage: string;
    }
  /** A firmware file cannot be used. */
  | { readonly reason: "firmware-unusable"; readonly path: string; readonly message: string }
  /** Nobody could log in within the boot time. */
  | {
      readonly reason: "boot-timeout";
      readonly timeoutMs: number;
      readonly serialTail: string;
      /** Why the last connection ended, when something did speak SSH. */
      readonly message?: string;
    }
  /** The guest's SSH server was reached and turned us away. */
  | {
      readonly reason: "login-refused";
      readonly user: string;
      readonly tried: readonly string[];
      readonly message: string;
    }
  /** The guest showed another host key than its base image has. */
  | { readonly reason: "host-key-mismatch"; readonly expected: string; readonly actual: string }
  /** No usable private key on the host. */
  | { readonly reason: "identity-unusable"; readonly path: string; readonly message: string }
  /** The guest ended, rebooted or cut the connection while it was needed. */
  | {
      readonly reason: "connection-lost";
      readonly cause:
        | "guest-shutdown"
        | "guest-reset"
        | "guest-panic"
        | "qemu-ended"
        | "ssh-closed";
      readonly message: string;
      readonly serialTail: string;
    }
  /** The host has no room for what the guest writes to its disk. */
  | { readonly reason: "disk-full"; readonly path: string }
  /** QEMU's monitor answered a command with an error, or not at all. */
  | { readonly reason: "monitor-failed"; readonly command: string; readonly message: string }
  | { readonly reason: "cancelled" };

/** The failures with one of the given reasons. */
export type MachineFailureOf<R extends MachineFailure["reason"]> = Extract<
  MachineFailure,
  { readonly reason: R }
>;
