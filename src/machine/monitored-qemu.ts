import { failed, ok, type Result } from "../result.ts";
import { deferred } from "./deferred.ts";
import type { MachineFailure, MachineFailureOf } from "./failure.ts";
import { findForwards, type ForwardedPort } from "./forwarded-port.ts";
import { machineEnd } from "./machine-end.ts";
import type { MachineEnd } from "./machine.ts";
import { spawnQemu, type SpawnOptions } from "./qemu-process.ts";
import type { PortForward } from "./qemu-network.ts";
import { connectWhenThere } from "./qmp-connect.ts";
import { openQmp, type QmpClient, type QmpFailure } from "./qmp.ts";
import { agentPorts } from "./qemu-suspend.ts";
import { settledWithin } from "./settled-within.ts";

/** A QEMU process together with what its monitor tells. */
export interface MonitoredQemu {
  readonly pid: number;
  readonly argv: readonly string[];
  /** Settles when QEMU has ended and its monitor is read to the end; never rejects. */
  readonly ended: Promise<MachineEnd>;
  /**
   * Settles when the guest's driver has set up its network card; may never, since only virtio-net
   * tells (QAPI event NIC_RX_FILTER_CHANGED).
   */
  readonly networkUp: Promise<void>;
  /** Settles when the agent in the guest closes its port (QAPI event VSERPORT_CHANGE); may never. */
  readonly agentGone: Promise<void>;
  /** Connects the monitor; to be called once. */
  connectMonitor(signal: AbortSignal): Promise<Result<QmpClient, MachineFailure>>;
  /** Ends QEMU by its monitor, so that it closes its disk, and by SIGKILL if that takes too long. */
  quit(timeoutMs: number): Promise<void>;
  readonly kill: () => void;
  /** Leaves QEMU to itself; `ended` may never settle. */
  readonly release: () => void;
}

/** Starts QEMU with its monitor at `qmpPath`. */
export async function startQemu(
  options: SpawnOptions,
  qmpPath: string,
): Promise<Result<MonitoredQemu, MachineFailureOf<"qemu-failed">>> {
  const spawned = await spawnQemu(options);
  if (!spawned.ok) return spawned;
  const { pid, argv, ended, kill, release } = spawned.value;
  let monitor: QmpClient | undefined;
  let shutdownCause: string | undefined;
  let ordered = false;
  let diskFull = false;
  const networkUp = deferred<void>();
  const agentGone = deferred<void>();
  const orderedKill = () => {
    ordered = true;
    kill();
  };
  return ok({
    pid,
    argv,
    ended: ended.then(async (end) => {
      // The SHUTDOWN event may still be on its way when the process is gone.
      await monitor?.closed;
      return machineEnd(end, { shutdownCause, ordered, diskFull });
    }),
    networkUp: networkUp.promise,
    agentGone: agentGone.promise,
    async connectMonitor(signal) {
      const socket = await connectWhenThere(qmpPath, signal);
      if (!socket.ok) return socket;
      const opened = await openQmp(socket.value, {
        signal,
        onEvent: ({ name, data }) => {
          if (name === "NIC_RX_FILTER_CHANGED") networkUp.settle();
          if (name === "VSERPORT_CHANGE" && data["id"] === agentPorts.control && !data["open"]) {
            agentGone.settle();
          }
          if (name === "SHUTDOWN") shutdownCause ??= String(data["reason"]);
          // QEMU has stopped the guest and would wait for ever for somebody to make room.
          if (name === "BLOCK_IO_ERROR" && data["nospace"] === true) {
            diskFull = true;
            orderedKill();
          }
        },
      });
      if (!opened.ok) return failed(monitorFailure("qmp_capabilities", opened.error));
      monitor = opened.value;
      return opened;
    },
    async quit(timeoutMs) {
      ordered = true;
      void monitor?.execute("quit");
      if ((await settledWithin(ended, timeoutMs)) === undefined) kill();
      await ended;
    },
    kill: orderedKill,
    release() {
      monitor?.close();
      release();
    },
  });
}

/** The host port that leads to `guestPort`, as the monitor tells it. */
export async function askForwardedPort(
  monitor: QmpClient,
  guestPort: number,
  signal: AbortSignal,
): Promise<Result<number, MachineFailure>> {
  const asked = await askForwards(monitor, [{ guestPort }], signal);
  return asked.ok ? ok((asked.value[0] as ForwardedPort).hostPort) : asked;
}

/** Both ends of each of `wanted`, in its order, as the monitor tells them. */
export async function askForwards(
  monitor: QmpClient,
  wanted: readonly PortForward[],
  signal: AbortSignal,
): Promise<Result<readonly ForwardedPort[], MachineFailure>> {
  const command = "info usernet";
  const reply = await monitor.execute("human-monitor-command", { "command-line": command }, signal);
  if (!reply.ok) return failed(monitorFailure(command, reply.error));
  const text = String(reply.value);
  const forwards: ForwardedPort[] = [];
  for (const [index, found] of findForwards(text, wanted).entries()) {
    if (found === undefined) {
      const message = `no port is forwarded to the guest's port ${wanted[index]?.guestPort}: ${text}`;
      return failed({ reason: "monitor-failed", command, message });
    }
    forwards.push(found);
  }
  return ok(forwards);
}

/** The monitor's failure to carry out a command, as one of the machine. */
export function monitorFailure(command: string, failure: QmpFailure): MachineFailure {
  if (failure.reason === "cancelled") return failure;
  return { reason: "monitor-failed", command, message: failure.message };
}
