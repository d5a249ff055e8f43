import { rm } from "node:fs/promises";
import { failed } from "../result.ts";
import { HotPlug } from "./hot-plug.ts";
import type { LaunchTuning } from "./launch-tuning.ts";
import type { Machine, MachineConfig } from "./machine.ts";
import type { MonitoredQemu } from "./monitored-qemu.ts";
import { powerOff } from "./power-off.ts";
import type { QmpClient } from "./qmp.ts";
import type { RuntimeDir } from "./runtime-dir.ts";
import type { OwnedSession } from "./session.ts";

/** The parts of a machine, each up and running; the machine owns them from now on. */
export interface MachineParts {
  readonly qemu: MonitoredQemu;
  readonly monitor: QmpClient;
  readonly session: OwnedSession;
  readonly sshPort: number;
  readonly runtimeDir: RuntimeDir;
}

/** Who has the machine. */
type Ownership = "held" | "released";

/** Puts a machine together. */
export function runningMachine(
  { qemu, monitor, session, sshPort, runtimeDir }: MachineParts,
  config: MachineConfig,
  tuning: LaunchTuning,
): Machine {
  let ownership: Ownership = "held";
  let disposal: Promise<void> | undefined;
  const dispose = async () => {
    session.close();
    qemu.kill();
    await qemu.ended;
    await rm(runtimeDir.path, { recursive: true, force: true });
  };
  return {
    pid: qemu.pid,
    sshPort,
    session,
    argv: qemu.argv,
    monitor,
    ...(config.profile.bulkTransport === "virtio-scsi" ? { hotPlug: new HotPlug(monitor) } : {}),
    agent: runtimeDir.agent,
    agentGone: qemu.agentGone,
    qemuVersion: monitor.qemuVersion,
    ended: qemu.ended,
    async powerOff({ signal, onPhase }) {
      if (signal.aborted) return failed({ reason: "cancelled" });
      onPhase?.("powering-off");
      session.close();
      return powerOff(qemu, monitor, {
        timeoutMs: config.profile.powerOffTimeoutMs,
        quitTimeoutMs: tuning.quitTimeoutMs,
        files: config,
        signal,
      });
    },
    release() {
      if (!config.outliveParent) {
        throw new Error("Internal error: only a machine that may outlive this process is released");
      }
      ownership = "released";
      session.close();
      qemu.release();
    },
    async [Symbol.asyncDispose]() {
      if (ownership === "released") return;
      disposal ??= dispose();
      await disposal;
    },
  };
}
