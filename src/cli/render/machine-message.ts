import type { MachineFailure } from "../../machine/failure.ts";
import { exitCode } from "../exit-code.ts";
import { duration } from "./units.ts";
import type { Message } from "./message.ts";

type Failure = Exclude<MachineFailure, { reason: "program-missing" | "cancelled" | "disk-full" }>;

/** A machine's failure in words. */
export function machineMessage(failure: Failure): Message {
  switch (failure.reason) {
    case "runtime-dir-unusable":
      return {
        text: `${failure.path} cannot hold QEMU's control socket: ${failure.message}`,
        hint: failure.hint,
        exitCode: exitCode.host,
      };
    case "qemu-failed":
      return {
        text: `QEMU ended ${how(failure)} before the guest could be reached`,
        detail: joinDetail([
          failure.stderr,
          section("the end of the guest's serial console", failure.serialTail),
          section("the command was", failure.argv.join(" ")),
        ]),
        exitCode: exitCode.host,
      };
    case "port-unusable":
      return {
        text: `port ${failure.port} of 127.0.0.1 ${portTrouble(failure.code)}`,
        hint: "forward another one, or leave it out (--forward :GUEST) to have one chosen",
        exitCode: exitCode.host,
      };
    case "disk-in-use":
      return {
        text: `${failure.path} is in use by another program`,
        hint: "end the machine that writes to it first",
        exitCode: exitCode.host,
      };
    case "socket-unusable":
      return {
        text: `no monitor can listen at ${failure.path}: ${failure.message}`,
        exitCode: exitCode.badInput,
      };
    case "firmware-missing":
      return {
        text: `there is no UEFI firmware for ${failure.arch} and the machine ${failure.machine}`,
        hint: `sudo apt-get install ${failure.debianPackage}; or name a file with --firmware`,
        exitCode: exitCode.host,
      };
    case "firmware-unusable":
      return {
        text: `the firmware ${failure.path} cannot be used: ${failure.message}`,
        exitCode: exitCode.host,
      };
    case "boot-timeout":
      return {
        text: `the guest did not answer on SSH within ${duration(failure.timeoutMs)}`,
        detail: joinDetail([
          failure.message ?? "",
          failure.serialTail === ""
            ? "the guest wrote nothing to its serial console"
            : section("the end of the guest's serial console", failure.serialTail),
        ]),
        hint: "if it only needs longer, give it more time with --boot-timeout or `boot-timeout` in the base image's profile",
        exitCode: exitCode.guest,
      };
    case "login-refused":
      return {
        text: `the guest refused to let ${failure.user} in: ${failure.message}`,
        detail:
          failure.tried.length === 0
            ? "no key was found to try"
            : `tried: ${failure.tried.join(", ")}`,
        hint: "set `[login] user` and `identity` in the base image's profile, or put the matching key into the image",
        exitCode: exitCode.guest,
      };
    case "host-key-mismatch":
      return {
        text: "the guest showed another host key than its base image has",
        detail: `expected ${failure.expected}\ngot      ${failure.actual}`,
        hint: "if the image makes new host keys at boot, remove `host-key` from its profile",
        exitCode: exitCode.guest,
      };
    case "identity-unusable":
      return {
        text: `the private key ${failure.path} cannot be used: ${failure.message}`,
        hint: "name another with `identity` in the base image's profile, or add the key to an SSH agent",
        exitCode: exitCode.host,
      };
    case "connection-lost":
      return {
        text: `the connection to the guest was lost: ${lostBecause(failure.cause)}${failure.message === "" ? "" : ` (${failure.message})`}`,
        detail: joinDetail([section("the end of the guest's serial console", failure.serialTail)]),
        hint: lostHint(failure.cause),
        exitCode: exitCode.guest,
      };
    case "monitor-failed":
      return {
        text: `QEMU's monitor did not carry out ${failure.command}: ${failure.message}`,
        exitCode: exitCode.host,
      };
  }
}

function portTrouble(code: string | undefined): string {
  switch (code) {
    case "EADDRINUSE":
      return "is in use by another program";
    case "EACCES":
      return "needs rights that vmbuild does not have";
    default:
      return "cannot be listened on";
  }
}

function how(end: { readonly exitCode?: number; readonly signal?: string }): string {
  if (end.signal !== undefined) return `by ${end.signal}`;
  return `with status ${end.exitCode ?? "unknown"}`;
}

type Cause = Extract<MachineFailure, { reason: "connection-lost" }>["cause"];

function lostBecause(cause: Cause): string {
  switch (cause) {
    case "guest-shutdown":
      return "the guest powered itself off";
    case "guest-reset":
      return "the guest rebooted";
    case "guest-panic":
      return "the guest's kernel panicked";
    case "qemu-ended":
      return "QEMU ended";
    case "ssh-closed":
      return "the guest's SSH server went away";
  }
}

function lostHint(cause: Cause): string {
  return cause === "guest-shutdown" || cause === "guest-reset"
    ? "a step must not power its machine off or reboot it; vmbuild does that after the step"
    : "look at what the step's command does to the SSH server, the network or memory; --keep-failed leaves the machine running";
}

function section(title: string, text: string): string {
  return text === "" ? "" : `${title}:\n${text}`;
}

function joinDetail(parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join("\n");
}
