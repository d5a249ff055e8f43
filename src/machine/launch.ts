/**
 * From a configuration to a running machine with a session in its guest:
 *
 *     programs, keys -> private directory -> QEMU -> monitor -> forwarded port -> login -> Machine
 *
 * Whatever fails on the way, QEMU is killed and the directory removed before the failure is returned.
 */
import { failed, ok, type Result } from "../result.ts";
import { endFailure, lossFailure } from "./end-failure.ts";
import type { MachineFailure } from "./failure.ts";
import { defaultTuning, type LaunchTuning } from "./launch-tuning.ts";
import { logIn } from "./log-in.ts";
import type { LaunchOptions, Machine, MachineConfig } from "./machine.ts";
import { askForwardedPort, type MonitoredQemu } from "./monitored-qemu.ts";
import { findNeeds } from "./launch-needs.ts";
import { qemuArgv } from "./qemu-argv.ts";
import { runningMachine, type MachineParts } from "./running-machine.ts";
import { readSerialTail } from "./serial-tail.ts";
import { settledWithin } from "./settled-within.ts";
import type { AuthMethod } from "./ssh-identity.ts";
import type { LoginFailure } from "./ssh-login.ts";
import { startMachine } from "./start-machine.ts";
import { stopWatch, type StopWatch } from "./stop-watch.ts";

/**
 * Boots a machine and logs into its guest, within `config.bootTimeoutMs` from the start of QEMU.
 *
 * An aborted signal fails it with `cancelled` at any point.
 */
export async function launch(
  config: MachineConfig,
  options: LaunchOptions,
  tuning: LaunchTuning = defaultTuning(),
): Promise<Result<Machine, MachineFailure>> {
  if (options.signal.aborted) return failed({ reason: "cancelled" });
  const needs = await findNeeds(config, tuning);
  if (!needs.ok) return needs;
  const { methods, ...programs } = needs.value;
  options.onPhase?.("starting");
  const started = await startMachine({
    ...programs,
    runtimeParents: tuning.runtimeParents,
    argv: (dir) => qemuArgv(config, dir),
  });
  if (!started.ok) return started;
  const { qemu, runtimeDir, discard } = started.value;
  try {
    using watch = stopWatch(options.signal, config.bootTimeoutMs, qemu.ended);
    const boot = { qemu, config, methods, tuning, watch, options };
    const parts = await bringUp(boot);
    if (parts.ok) {
      options.onPhase?.("ready");
      return ok(runningMachine({ ...parts.value, runtimeDir }, config, tuning));
    }
    const failure = await bootFailure(parts.error, boot);
    await discard();
    return failed(failure);
  } catch (error) {
    await discard();
    throw error;
  }
}

interface Boot {
  readonly qemu: MonitoredQemu;
  readonly config: MachineConfig;
  readonly methods: readonly AuthMethod[];
  readonly tuning: LaunchTuning;
  readonly watch: StopWatch;
  readonly options: LaunchOptions;
}

type BringUpFailure = MachineFailure | LoginFailure;

async function bringUp({
  qemu,
  config,
  methods,
  tuning,
  watch: { signal },
  options: { onPhase },
}: Boot): Promise<Result<Omit<MachineParts, "runtimeDir">, BringUpFailure>> {
  const { login } = config.profile;
  const monitor = await qemu.connectMonitor(signal);
  if (!monitor.ok) return monitor;
  const port = await askForwardedPort(monitor.value, login.port, signal);
  if (!port.ok) return port;
  onPhase?.("booting");
  const session = await logIn({
    port: port.value,
    login,
    methods,
    tuning,
    announced: qemu.networkUp,
    signal,
    onReached: () => onPhase?.("connecting"),
    explainLoss: (message) => lossFailure(message, qemu, config, tuning.lossGraceMs),
  });
  if (!session.ok) return session;
  return ok({ qemu, monitor: monitor.value, session: session.value, sshPort: port.value });
}

/** The cause behind the failed step: what stopped the launch comes before what it led to. */
async function bootFailure(
  failure: BringUpFailure,
  { qemu, config, watch, tuning }: Boot,
): Promise<MachineFailure> {
  const { serialLogPath, bootTimeoutMs: timeoutMs } = config;
  if (failure.reason === "monitor-failed") await settledWithin(qemu.ended, tuning.exitGraceMs);
  switch (watch.cause) {
    case undefined:
      if (failure.reason === "handshake-lost") throw new Error("Internal error: login given up");
      return failure;
    case "cancelled":
      return { reason: "cancelled" };
    case "ended":
      return endFailure(await qemu.ended, qemu.argv, config);
    case "timed-out": {
      if (failure.reason === "login-refused") return failure;
      const message = failure.reason === "handshake-lost" ? { message: failure.message } : {};
      const serialTail = await readSerialTail(serialLogPath);
      return { reason: "boot-timeout", timeoutMs, serialTail, ...message };
    }
  }
}
