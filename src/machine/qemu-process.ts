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
}

/**
 * Starts QEMU in a session of its own, so that a terminal's Ctrl-C reaches only this process.
 *
 * Fails with `qemu-failed` when the program cannot be executed.
 */
export async function spawnQemu(
  options: SpawnOptions,
): Promise<Result<QemuProcess, MachineFailureOf<"qemu-failed">>> {
  const { argv, setprivPath } = options;
  const [file, ...args] =
    setprivPath === undefined ? argv : leashed(setprivPath, process.pid, argv);
  const child = spawn(file as string, args, {
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const stderr = byteTail(8 * 1024);
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
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
      if (child.exitCode === null && child.signalCode === null) killGroup(pid);
    },
    release() {
      child.stderr.destroy();
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
