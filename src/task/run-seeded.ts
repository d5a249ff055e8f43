/**
 * A guest that does what its seed says: booted, heard of until cloud-init is done, shut down.
 *
 *     QEMU -> report and output -> power button -> end
 */
import { statSync } from "node:fs";
import { readReport, type CloudInitReport } from "../cloudinit/read-report.ts";
import { reportPort } from "../cloudinit/reporter.ts";
import { taskPort } from "../cloudinit/script-task.ts";
import { bootGuest } from "../machine/boot-guest.ts";
import type { MachineFailure } from "../machine/failure.ts";
import type { Guest, GuestConfig, GuestConsole } from "../machine/guest.ts";
import { readSerialTail } from "../machine/serial-tail.ts";
import { failed, ok, type Result } from "../result.ts";
import type { TaskFailure } from "./failure.ts";
import { copyPort } from "./copy-port.ts";
import { tailFile } from "./tail-file.ts";

/** What a guest prints that is of interest. */
export type TaskOutput =
  /** What its task sends over its port. */
  | "task"
  /** Its serial console, from when cloud-init is first heard of. */
  | "console-since-start"
  /** The console is the terminal's, and everything is on it. */
  | "terminal"
  | "nothing";

export interface SeededGuest {
  /** The machine, with its seed, whose vendor-data reports (`reportingVendorData`). */
  readonly machine: Omit<GuestConfig, "console" | "ports">;
  readonly output: TaskOutput;
  /** Where what the serial console gets is kept. */
  readonly consolePath: string;
  /** How long it may take until cloud-init is first heard of. */
  readonly silentMs: number;
  /** How long it may take to shut down. */
  readonly powerOffTimeoutMs: number;
}

export interface SeededHooks {
  readonly signal: AbortSignal;
  /** Awaited, so that a slow reader slows the guest. */
  readonly onOutput: (chunk: Buffer) => void | Promise<void>;
  /** cloud-init was heard of. */
  readonly onStarted: () => void;
  /** The machine's process, so that it can be found after a crash. */
  readonly onMachine: (pid: number) => Promise<void>;
  /** cloud-init is done and the guest still runs; a failure is the run's. */
  readonly onDone?: (guest: Guest) => Promise<Result<void, MachineFailure>>;
}

/** A guest whose cloud-init is done, and which has ended. */
export interface SeededEnd extends CloudInitReport {
  /** It did not obey its power button: its disk is as after a power failure. */
  readonly isForced: boolean;
}

/** Runs the guest to its end. Nothing of it is left but its disk and its console's log, whatever happens. */
export async function runSeeded(
  seeded: SeededGuest,
  hooks: SeededHooks,
): Promise<Result<SeededEnd, TaskFailure>> {
  const { machine, output, consolePath } = seeded;
  const console: GuestConsole =
    output === "terminal"
      ? { kind: "terminal", logPath: consolePath }
      : { kind: "file", path: consolePath };
  const booted = await bootGuest(
    {
      ...machine,
      console,
      ports: output === "task" ? [reportPort, taskPort] : [reportPort],
    },
    { signal: hooks.signal },
  );
  if (!booted.ok) return booted;
  await using guest = booted.value;
  await hooks.onMachine(guest.pid);
  const ended = await attend(guest, seeded, hooks);
  if (ended.ok || ended.error.reason === "cancelled") return ended;
  return failed({ ...ended.error, serialTail: await readSerialTail(consolePath) });
}

async function attend(
  guest: Guest,
  seeded: SeededGuest,
  hooks: SeededHooks,
): Promise<Result<SeededEnd, TaskFailure>> {
  const { signal, onOutput } = hooks;
  const { output, consolePath, silentMs, powerOffTimeoutMs } = seeded;
  // QEMU's end closes what is copied; this ends it where QEMU does not.
  const over = new AbortController();
  const copies: Promise<void>[] = [];
  const stop = AbortSignal.any([signal, over.signal]);
  const taskSocket = guest.ports.get(taskPort);
  if (taskSocket !== undefined) copies.push(copyPort(taskSocket, { stop, onOutput }));
  try {
    const reported = await readReport(required(guest.ports.get(reportPort)), {
      signal,
      ended: guest.ended,
      silentMs,
      onStarted: () => {
        hooks.onStarted();
        if (output !== "console-since-start") return;
        const fromByte = statSync(consolePath).size;
        copies.push(tailFile(consolePath, { fromByte, ended: guest.ended, stop, onOutput }));
      },
    });
    const checked = reported.ok ? ((await hooks.onDone?.(guest)) ?? ok()) : ok();
    const report = checked.ok ? reported : checked;
    // A disk that is kept is left in good order, whatever became of its task.
    if (!report.ok && seeded.machine.isDurable !== true) return report;
    const isCancelled = !report.ok && report.error.reason === "cancelled";
    const off = await guest.powerOff({
      timeoutMs: powerOffTimeoutMs,
      signal: isCancelled ? new AbortController().signal : signal,
    });
    if (!report.ok) return report;
    return off.ok ? ok({ ...report.value, isForced: off.value.forced }) : off;
  } finally {
    await guest[Symbol.asyncDispose]();
    await Promise.all(copies);
    over.abort();
  }
}

function required(socketPath: string | undefined): string {
  if (socketPath === undefined) throw new Error("Internal error: a guest without its report port");
  return socketPath;
}
