import type { MachineEnd } from "./machine.ts";
import type { ProcessEnd } from "./qemu-process.ts";

/** What is known beside the process's own end. */
export interface EndEvidence {
  /** `reason` of QEMU's SHUTDOWN event (QAPI `ShutdownCause`), if it came. */
  readonly shutdownCause?: string | undefined;
  /** True when this program killed QEMU or told it to quit. */
  readonly ordered: boolean;
}

/**
 * Why QEMU ended. The guest's own doing comes first: a machine that was killed after its guest had
 * powered off was powered off.
 */
export function machineEnd(end: ProcessEnd, evidence: EndEvidence): MachineEnd {
  return { reason: endReason(end, evidence), ...end };
}

const killingSignals: readonly string[] = ["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP"];

function endReason(end: ProcessEnd, evidence: EndEvidence): MachineEnd["reason"] {
  const { shutdownCause, ordered } = evidence;
  switch (shutdownCause) {
    case "guest-shutdown":
    case "guest-reset":
    case "guest-panic":
      return shutdownCause;
    case "host-signal":
    case "host-qmp-quit":
      return "killed";
  }
  if (ordered || (end.signal !== undefined && killingSignals.includes(end.signal))) return "killed";
  return "crashed";
}
