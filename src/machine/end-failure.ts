import type { MachineFailureOf } from "./failure.ts";
import type { MachineConfig, MachineEnd } from "./machine.ts";
import type { MonitoredQemu } from "./monitored-qemu.ts";
import { readSerialTail } from "./serial-tail.ts";
import { settledWithin } from "./settled-within.ts";

type ConnectionLost = MachineFailureOf<"connection-lost">;
type DiskFull = MachineFailureOf<"disk-full">;

/** The files of a machine that its end leaves evidence in. */
export type MachineFiles = Pick<MachineConfig, "serialLogPath" | "diskPath">;

/** The failure that QEMU's end is to somebody who needed the machine. */
export async function endFailure(
  end: MachineEnd,
  argv: readonly string[],
  { serialLogPath, diskPath }: MachineFiles,
): Promise<ConnectionLost | DiskFull | MachineFailureOf<"qemu-failed">> {
  const { reason, ...process } = end;
  if (reason === "disk-full") return { reason, path: diskPath };
  const serialTail = await readSerialTail(serialLogPath);
  return reason === "killed" || reason === "crashed"
    ? { reason: "qemu-failed", argv, ...process, serialTail }
    : { reason: "connection-lost", cause: reason, message: end.stderr, serialTail };
}

/**
 * The failure that the end of an SSH connection is; `message` is what SSH knows.
 *
 * A guest that goes down closes its connections well before QEMU ends, so that is waited for.
 */
export async function lossFailure(
  message: string,
  { ended }: Pick<MonitoredQemu, "ended">,
  { serialLogPath, diskPath }: MachineFiles,
  graceMs: number,
): Promise<ConnectionLost | DiskFull> {
  const end = await settledWithin(ended, graceMs);
  if (end?.reason === "disk-full") return { reason: "disk-full", path: diskPath };
  const serialTail = await readSerialTail(serialLogPath);
  return { reason: "connection-lost", cause: lossCause(end), message, serialTail };
}

function lossCause(end: MachineEnd | undefined): ConnectionLost["cause"] {
  switch (end?.reason) {
    case undefined:
      return "ssh-closed";
    case "killed":
    case "crashed":
    case "disk-full":
      return "qemu-ended";
    case "guest-shutdown":
    case "guest-reset":
    case "guest-panic":
      return end.reason;
  }
}
