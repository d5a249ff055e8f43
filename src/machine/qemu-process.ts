import { spawn } from "node:child_process";
import { once } from "node:events";
import { failed, ok, type Result } from "../result.ts";
import { byteTail } from "./byte-tail.ts";
import type { MachineFailureOf } from "./failure.ts";
import { leashed } from "./leash.ts";
import { printableTail } from "./serial-tail.ts";

/** A running QEMU, as an operating-system process. */
export interface QemuProcess {
  readonly pid: number;
  /** QEMU's own argv, without what it was started through. */
  readonly argv: readonly string[];
  /** Settles when the process has ended and its standard error is read to the end; never rejects. */
  readonly ended: Promise<ProcessEnd>;
  /** Sends SIGKILL to the process and its group; nothing when it has ended. */
  readonly kill: () => void;
  /** Stops watching: this process may end without it, and `ended` may never settle. */
  readonly release: () => void;
}

/** How a process ended; exactly one of `exitCode` and `signal` is there. */
export interface ProcessEnd {
  readonly exitCode?: number;
  readonly signal?: string;
  /** Its last lines on standard error, printable. */
  readonly stderr: string;
}

export interface SpawnOptions {
  /** QEMU's absolute path and arguments. */
  readonly argv: readonly [program: string, ...args: string[]];
  /** Absolute path of `setpriv`, for a QEMU that must not outlive this process. */
  readonly setprivPath?: string;
  /**
   * QEMU gets the standard input and output of this process, and stays in its process group: what a shell does to the
   * job, it does to both. @default false
   */
  readonly onTerminal?: boolean;
}

/**
 * Starts QEMU: in a session of its own, so that a terminal's Ctrl-C reaches only this process, unless it has the
 * terminal.
 *
 * Fails with `qemu-failed` when the program cannot be executed.
 */
export async function spawnQemu(
  options: SpawnOptions,
): Promise<Result<QemuProcess, MachineFailureOf<"qemu-failed">>> {
  const { argv, setprivPath, onTerminal = false } = options;
  const [file, ...args] =
    setprivPath === undefined ? argv : leashed(setprivPath, process.pid, argv);
  const terminal = onTerminal ? "inherit" : "ignore";
  const child = spawn(file as string, args, {
    detached: !onTerminal,
    stdio: [terminal, terminal, "pipe"],
  });
  const stderr = byteTail(8 * 1024);
  const { stderr: errors } = child;
  if (errors === null) throw new Error("Internal error: QEMU has no standard error");
  errors.on("data", (chunk: Buffer) => stderr.push(chunk));
  const ended = new Promise<ProcessEnd>((resolve) => {
    child.once("close", (exitCode, signal) => {
      const tail = printableTail(stderr.text());
      resolve(
        signal === null ? { exitCode: exitCode ?? 0, stderr: tail } : { signal, stderr: tail },
      );
    });
  });
  try {
    await once(child, "spawn");
  } catch (error) {
    return failed({
      reason: "qemu-failed",
      argv,
      stderr: (error as Error).message,
      serialTail: "",
    });
  }
  const pid = child.pid as number;
  return ok({
    pid,
    argv,
    ended,
    kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      // On a terminal the group is that of this process.
      if (onTerminal) child.kill("SIGKILL");
      else killGroup(pid);
    },
    release() {
      errors.destroy();
      child.unref();
    },
  });
}

/** The child leads its group, so a wrapper script's QEMU goes with it. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
