import type { MachineEnd } from "./machine.ts";
import type { ProcessEnd } from "./qemu-process.ts";

/** What is known beside the process's own end. */
export interface EndEvidence {
  /** `reason` of QEMU's SHUTDOWN event (QAPI `ShutdownCause`), if it came. */
  readonly shutdownCause?: string | undefined;
  /** True when this program killed QEMU or told it to quit. */
  readonly ordered: boolean;
  /** True when QEMU has told that the host had no room for what the guest wrote. */
  readonly diskFull: boolean;
}

/**
 * Why QEMU ended. A guest's own doing comes before an order of ours that met it, but not before
 * QEMU's failure to end in order: its disk may not be closed then.
 */
export function machineEnd(end: ProcessEnd, evidence: EndEvidence): MachineEnd {
  return { reason: endReason(end, evidence), ...end };
}

const killingSignals: ReadonlySet<string | undefined> = new Set([
  "SIGKILL",
  "SIGTERM",
  "SIGINT",
  "SIGHUP",
]);

function endReason(
  { exitCode, signal }: ProcessEnd,
  { shutdownCause, ordered, diskFull }: EndEvidence,
): MachineEnd["reason"] {
  if (diskFull) return "disk-full";
  const inOrder = exitCode === 0 || ordered;
  if (inOrder && isGuestsDoing(shutdownCause)) return shutdownCause;
  const byHost = shutdownCause === "host-signal" || shutdownCause === "host-qmp-quit";
  return ordered || byHost || killingSignals.has(signal) ? "killed" : "crashed";
}

function isGuestsDoing(
  cause: string | undefined,
): cause is "guest-shutdown" | "guest-reset" | "guest-panic" {
  return cause === "guest-shutdown" || cause === "guest-reset" || cause === "guest-panic";
}
