import { failed, ok, type Result } from "../result.ts";
import { deferred } from "./deferred.ts";
import type { MachineFailure } from "./failure.ts";
import { endFailure, type MachineFiles } from "./end-failure.ts";
import type { MonitoredQemu } from "./monitored-qemu.ts";
import type { QmpClient } from "./qmp.ts";
import { settledWithin } from "./settled-within.ts";

export interface PowerOffOptions {
  /** How long the guest may take. */
  readonly timeoutMs: number;
  /** How long QEMU may take to close its disk, once the guest has had its time. */
  readonly quitTimeoutMs: number;
  readonly files: MachineFiles;
  readonly signal: AbortSignal;
}

/**
 * The button is pressed this often in all. A guest misses a press that comes before its ACPI handler
 * is there; one that is shutting down ignores another.
 */
const presses = 6;

/**
 * Presses the ACPI power button (QMP `system_powerdown`) until QEMU ends; ends QEMU itself after the
 * guest's time. An aborted signal leaves the machine as it is.
 */
export async function powerOff(
  qemu: MonitoredQemu,
  monitor: QmpClient,
  { timeoutMs, quitTimeoutMs, files, signal }: PowerOffOptions,
): Promise<Result<{ readonly forced: boolean }, MachineFailure>> {
  const aborted = deferred<"aborted">(signal, () => "aborted");
  const over = Promise.race([qemu.ended, aborted.promise]);
  for (let press = 0; press < presses; press++) {
    if (signal.aborted) return failed({ reason: "cancelled" });
    // A press without effect shows by QEMU not ending.
    void monitor.execute("system_powerdown", {}, signal);
    const end = await settledWithin(over, timeoutMs / presses);
    if (end === undefined) continue;
    aborted.settle("aborted");
    if (end === "aborted") return failed({ reason: "cancelled" });
    if (end.reason === "guest-shutdown" || end.reason === "guest-reset") {
      return ok({ forced: false });
    }
    return failed(await endFailure(end, qemu.argv, files));
  }
  aborted.settle("aborted");
  await qemu.quit(quitTimeoutMs);
  return ok({ forced: true });
}
