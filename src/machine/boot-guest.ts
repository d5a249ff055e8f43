import { rm } from "node:fs/promises";
import { failed, ok, type Result } from "../result.ts";
import { endFailure } from "./end-failure.ts";
import type { MachineFailure } from "./failure.ts";
import type { ForwardedPort } from "./forwarded-port.ts";
import type { Guest, GuestConfig } from "./guest.ts";
import { guestArgv } from "./guest-argv.ts";
import { findPrograms } from "./launch-programs.ts";
import { defaultTuning, type LaunchTuning } from "./launch-tuning.ts";
import { askForwards, monitorFailure, type MonitoredQemu } from "./monitored-qemu.ts";
import { powerOff } from "./power-off.ts";
import type { VirtioPort } from "./qemu-ports.ts";
import type { QmpClient } from "./qmp.ts";
import { refusalFailure } from "./refusal-failure.ts";
import type { RuntimeDir } from "./runtime-dir.ts";
import { settledWithin } from "./settled-within.ts";
import { checkSocketPath } from "./socket-path.ts";
import { startMachine, type StartedMachine } from "./start-machine.ts";
import { stopWatch } from "./stop-watch.ts";

/** What a guest is booted with, besides its configuration. */
export interface BootGuestOptions {
  readonly signal: AbortSignal;
  /** Told where the guest's ports are reached, before the guest begins to run. */
  readonly onForwards?: (forwards: readonly ForwardedPort[]) => void;
}

/**
 * Boots a disk and leaves it to itself: gives the guest as soon as its machine runs, long before anything in it does.
 *
 * An aborted signal fails the start with `cancelled`; after that it means nothing, and the guest is to be disposed of.
 * The guest dies with this process, however that ends.
 */
export async function bootGuest(
  config: GuestConfig,
  options: BootGuestOptions,
  tuning: LaunchTuning = defaultTuning(),
): Promise<Result<Guest, MachineFailure>> {
  if (options.signal.aborted) return failed({ reason: "cancelled" });
  const programs = await findPrograms({ profile: config, outliveParent: false }, tuning);
  if (!programs.ok) return programs;
  if (config.qmpPath !== undefined) {
    const usable = await checkSocketPath(config.qmpPath);
    if (!usable.ok) return usable;
  }
  const started = await startMachine({
    ...programs.value,
    runtimeParents: tuning.runtimeParents,
    argv: (dir) => guestArgv(config, { qmpPath: dir.qmpPath, ports: portsIn(dir, config) }),
    onTerminal: config.console.kind === "terminal",
  });
  if (!started.ok) return started;
  const discard = async (): Promise<void> => {
    await started.value.discard();
    await removeSocket(config);
  };
  try {
    const guest = await bringUp(started.value, config, options, tuning);
    if (!guest.ok) await discard();
    return guest;
  } catch (error) {
    await discard();
    throw error;
  }
}

async function bringUp(
  started: StartedMachine,
  config: GuestConfig,
  { signal: cancel, onForwards }: BootGuestOptions,
  tuning: LaunchTuning,
): Promise<Result<Guest, MachineFailure>> {
  const { qemu } = started;
  // It may take any time: a shell can stop its jobs.
  using watch = stopWatch(cancel, Infinity, qemu.ended);
  const { signal } = watch;
  const connected = await connect(qemu, config, { signal, ...(onForwards && { onForwards }) });
  if (connected.ok) return ok(runningGuest({ ...started, ...connected.value }, config, tuning));
  // The end of QEMU closes its monitor first.
  await settledWithin(qemu.ended, watch.cause === undefined ? tuning.exitGraceMs : 0);
  if (watch.cause !== "ended") return connected;
  const end = await qemu.ended;
  const refusal = await refusalFailure(end, config);
  return failed(refusal ?? (await endFailure(end, qemu.argv, filesOf(config))));
}

async function connect(
  qemu: MonitoredQemu,
  { forwards: wanted }: GuestConfig,
  { signal, onForwards }: BootGuestOptions,
): Promise<Result<Pick<GuestParts, "monitor" | "forwards">, MachineFailure>> {
  const monitor = await qemu.connectMonitor(signal);
  if (!monitor.ok) return monitor;
  const forwards = await askForwards(monitor.value, wanted, signal);
  if (!forwards.ok) return forwards;
  onForwards?.(forwards.value);
  const running = await monitor.value.execute("cont", {}, signal);
  return running.ok
    ? ok({ monitor: monitor.value, forwards: forwards.value })
    : failed(monitorFailure("cont", running.error));
}

interface GuestParts extends StartedMachine {
  readonly monitor: QmpClient;
  readonly forwards: readonly ForwardedPort[];
}

function runningGuest(
  { qemu, runtimeDir, monitor, forwards }: GuestParts,
  config: GuestConfig,
  { quitTimeoutMs }: LaunchTuning,
): Guest {
  let disposal: Promise<void> | undefined;
  const dispose = async () => {
    await qemu.quit(quitTimeoutMs);
    await rm(runtimeDir.path, { recursive: true, force: true });
    await removeSocket(config);
  };
  return {
    pid: qemu.pid,
    argv: qemu.argv,
    monitor,
    ports: new Map(portsIn(runtimeDir, config).map(({ name, path }) => [name, path])),
    forwards,
    ended: qemu.ended,
    powerOff: ({ timeoutMs, signal }) =>
      powerOff(qemu, monitor, { timeoutMs, quitTimeoutMs, files: filesOf(config), signal }),
    async [Symbol.asyncDispose]() {
      disposal ??= dispose();
      await disposal;
    },
  };
}

function portsIn(dir: RuntimeDir, { ports }: GuestConfig): readonly VirtioPort[] {
  return ports.map((name, index) => ({ name, path: dir.portPath(index) }));
}

function filesOf({ console, diskPath }: GuestConfig) {
  const serialLogPath = console.kind === "file" ? console.path : (console.logPath ?? "");
  return { serialLogPath, diskPath };
}

/** QEMU removes the sockets it has made unless it is killed. */
async function removeSocket({ qmpPath }: GuestConfig): Promise<void> {
  if (qmpPath !== undefined) await rm(qmpPath, { force: true });
}
