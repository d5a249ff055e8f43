/**
 * The host's end of the port over which a guest tells how cloud-init ends there, see `reporter.ts`.
 */
import type { Socket } from "node:net";
import { connectWhenThere } from "../machine/qmp-connect.ts";
import { startTimer } from "../machine/timer.ts";
import { failed, ok, type Result } from "../result.ts";
import { type CloudInitStatus, cloudInitStatus } from "./cloud-init-status.ts";

/** cloud-init has done what it was told. */
export interface CloudInitReport {
  /** What went wrong on the way; none where cloud-init says just that it is done. */
  readonly warnings: readonly string[];
  /** Whether cloud-init says `degraded`. */
  readonly isDegraded: boolean;
  /** What the guest's task has exited with, when there was one that has. */
  readonly taskStatus?: number;
}

/** Why a guest is not configured, or not known to be. */
export type ReportFailure =
  /** cloud-init says so. `log` is the end of what it and all it started have printed. */
  | {
      readonly reason: "cloud-init-failed";
      readonly errors: readonly string[];
      readonly log: string;
      readonly taskStatus?: number;
    }
  /** Nothing was heard of cloud-init within `waitedMs`: it is not installed, disabled, or has seen no seed. */
  | { readonly reason: "cloud-init-silent"; readonly waitedMs: number }
  /**
   * The machine has ended before cloud-init was done, or before it was said. `isStarted` tells whether cloud-init was
   * heard of.
   */
  | { readonly reason: "cloud-init-cut-off"; readonly isStarted: boolean }
  | { readonly reason: "cancelled" };

export interface ReadReportOptions {
  readonly signal: AbortSignal;
  /** Settles when the machine has ended. */
  readonly ended: Promise<unknown>;
  /** How long a guest may take until cloud-init is first heard of. What it does then may take any time. */
  readonly silentMs: number;
  /** cloud-init is there. */
  readonly onStarted?: () => void;
}

/** A report has two logs of 64 KiB; a guest that sends more is not listened to. */
const longestLine = 1024 * 1024;

/**
 * Waits until cloud-init has ended, and tells how. `socketPath` is QEMU's end of the port, which may not be there yet.
 */
export async function readReport(
  socketPath: string,
  { signal, ended, silentMs, onStarted }: ReadReportOptions,
): Promise<Result<CloudInitReport, ReportFailure>> {
  const silence = new AbortController();
  const machine = new AbortController();
  const timer = startTimer(() => silence.abort(), silentMs);
  void ended.then(() => machine.abort());
  let isStarted = false;
  const giveUp = (): Result<CloudInitReport, ReportFailure> => {
    if (signal.aborted) return failed({ reason: "cancelled" });
    if (silence.signal.aborted) return failed({ reason: "cloud-init-silent", waitedMs: silentMs });
    return failed({ reason: "cloud-init-cut-off", isStarted });
  };
  try {
    const anything = AbortSignal.any([signal, silence.signal, machine.signal]);
    const connected = await connectWhenThere(socketPath, anything);
    if (!connected.ok) return giveUp();
    // The end of the machine closes the port, behind what it has said.
    const stop = AbortSignal.any([signal, silence.signal]);
    for await (const line of linesOf(connected.value, stop)) {
      const event = eventOf(line);
      if (event === undefined) continue;
      clearTimeout(timer);
      if (!isStarted) onStarted?.();
      isStarted = true;
      if (event.event !== "ended") continue;
      return reportOf(event);
    }
    return giveUp();
  } finally {
    clearTimeout(timer);
  }
}

/** The lines until the other end or `stop` closes; a line that is cut off is none. */
async function* linesOf(socket: Socket, stop: AbortSignal): AsyncGenerator<string> {
  const close = (): void => void socket.destroy();
  stop.addEventListener("abort", close, { once: true });
  if (stop.aborted) close();
  let rest = "";
  try {
    for await (const chunk of socket) {
      const lines = (rest + (chunk as Buffer).toString("latin1")).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
      if (rest.length > longestLine) return;
    }
  } catch {
    // A port that breaks off has said what it has said.
  } finally {
    stop.removeEventListener("abort", close);
    socket.destroy();
  }
}

interface GuestEvent {
  readonly event: "started" | "ended";
  readonly status?: unknown;
  readonly warnings?: unknown;
  readonly output?: unknown;
  readonly task?: unknown;
}

function eventOf(line: string): GuestEvent | undefined {
  try {
    const value = JSON.parse(line) as Partial<GuestEvent> | null;
    const event = value?.event;
    return event === "started" || event === "ended" ? { ...value, event } : undefined;
  } catch {
    return undefined;
  }
}

function reportOf(event: GuestEvent): Result<CloudInitReport, ReportFailure> {
  const logged = decode(event.warnings)
    .split("\n")
    .filter((line) => line !== "");
  const status: CloudInitStatus = cloudInitStatus(decode(event.status), logged);
  const task = typeof event.task === "number" ? { taskStatus: event.task } : {};
  switch (status.kind) {
    case "done":
      return ok({ warnings: [], isDegraded: false, ...task });
    case "degraded":
      return ok({ warnings: status.warnings, isDegraded: true, ...task });
    case "error": {
      const errors = status.errors.length === 0 ? logged : status.errors;
      return failed({
        reason: "cloud-init-failed",
        errors,
        log: decode(event.output),
        ...task,
      });
    }
    // The guest was told to end.
    case "unfinished":
      return failed({ reason: "cloud-init-cut-off", isStarted: true });
  }
}

function decode(value: unknown): string {
  return typeof value === "string" ? Buffer.from(value, "base64").toString("utf8") : "";
}
