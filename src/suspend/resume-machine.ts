/**
 * Going on with a suspended machine: a new QEMU with the saved state, on a disk that continues the saved
 * one.
 */
import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { copyFile, link, rm } from "node:fs/promises";
import { connect } from "node:net";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import { findPrograms } from "../machine/launch-programs.ts";
import { defaultTuning } from "../machine/launch-tuning.ts";
import type { Machine, MachineConfig } from "../machine/machine.ts";
import { askForwardedPort, startQemu } from "../machine/monitored-qemu.ts";
import { qemuArgv } from "../machine/qemu-argv.ts";
import type { QmpClient } from "../machine/qmp.ts";
import { runningMachine } from "../machine/running-machine.ts";
import { makeRuntimeDir } from "../machine/runtime-dir.ts";
import { stopWatch } from "../machine/stop-watch.ts";
import { failed, ok, type Result } from "../result.ts";
import { openAgentSession } from "./agent-session.ts";
import { difference, hostFingerprint } from "./fingerprint.ts";
import { GuestMemory } from "./guest-memory.ts";
import { type PinnedMachine, pinMachine } from "./pin-machine.ts";
import { baseName, devicesName, diskName } from "./record.ts";
import { openRam } from "./save-machine.ts";
import { wakeInput } from "./wake-program.ts";
import type { WarmMachine } from "./warm-machine.ts";

/** From the start of QEMU to the first answer of the agent; it takes a fraction of a second. */
const resumeTimeoutMs = 60_000;

export interface ResumeOptions {
  readonly signal: AbortSignal;
  readonly onMachine: (pid: number) => void | Promise<void>;
  /** 64 bytes for the guest's random number generator. @default fresh ones */
  readonly random?: Uint8Array;
}

/**
 * The machine saved in `dir`, if it is of this configuration and may be used, or why it may not. To be disposed of
 * when it has been resumed; until then `workDir`, on the same filesystem, holds its files.
 */
export async function usableMachine(
  config: Omit<MachineConfig, "ramPath">,
  dir: string,
  workDir: string,
): Promise<Result<PinnedMachine, string> | undefined> {
  const pinned = await pinMachine(dir, workDir);
  if (pinned === undefined || !pinned.ok) return pinned;
  const needs = await findPrograms(config, defaultTuning());
  const why = needs.ok
    ? difference(
        pinned.value.record.fingerprint,
        await hostFingerprint(config, needs.value.programPath),
      )
    : needs.error.reason;
  if (why === undefined) return pinned;
  await pinned.value[Symbol.asyncDispose]();
  return failed(why);
}

/**
 * Resumes the machine, with its clock set and its random number generator reseeded.
 *
 * `config.diskPath` continues the disk the machine was saved with; where that is its own, it becomes a copy of it. A
 * failure is told in words, with everything cleaned up: there is still the layer's disk to boot from.
 */
export async function resumeMachine(
  config: Omit<MachineConfig, "ramPath">,
  pinned: PinnedMachine,
  { signal, onMachine, random = randomBytes(64) }: ResumeOptions,
): Promise<Result<WarmMachine, string>> {
  const undo: (() => Promise<void>)[] = [];
  try {
    // What that machine has done since its boot is on a disk of its own.
    if (pinned.record.hasDisk) await copyFile(join(pinned.dir, diskName), config.diskPath);
    const ramPath = join(pinned.dir, `vmbuild-ram-${randomBytes(8).toString("hex")}`);
    await link(join(pinned.dir, baseName), ramPath);
    undo.push(() => rm(ramPath, { force: true }));
    const resumed = await start(
      { ...config, ramPath },
      pinned,
      { signal, onMachine, random },
      undo,
    );
    // QEMU has the file mapped; the saving of its own machine links it again.
    await rm(ramPath, { force: true });
    if (resumed.ok) return resumed;
    await undoAll(undo);
    return resumed;
  } catch (error) {
    await undoAll(undo);
    return failed((error as Error).message);
  }
}

async function undoAll(undo: (() => Promise<void>)[]): Promise<void> {
  for (const step of undo.toReversed()) await step();
}

async function start(
  config: MachineConfig & { readonly ramPath: string },
  { record, dir, savedIn }: PinnedMachine,
  { signal: cancel, onMachine, random }: Required<ResumeOptions>,
  undo: (() => Promise<void>)[],
): Promise<Result<WarmMachine, string>> {
  const tuning = defaultTuning();
  const needs = await findPrograms(config, tuning);
  if (!needs.ok) return failed(needs.error.reason);
  const made = await makeRuntimeDir(tuning.runtimeParents);
  if (!made.ok) return failed(made.error.message);
  const runtimeDir = made.value;
  undo.push(() => rm(runtimeDir.path, { recursive: true, force: true }));
  const { programPath, setprivPath } = needs.value;
  const argv = [programPath, ...qemuArgv(config, runtimeDir, "resume")] as const;
  const started = await startQemu(
    setprivPath === undefined ? { argv } : { argv, setprivPath },
    runtimeDir.qmpPath,
  );
  if (!started.ok) return failed(started.error.stderr);
  const qemu = started.value;
  undo.push(async () => {
    qemu.kill();
    await qemu.ended;
  });
  await onMachine(qemu.pid);
  using watch = stopWatch(cancel, resumeTimeoutMs, qemu.ended);
  const { signal } = watch;
  const why = async (fallback: string) =>
    watch.cause === "ended"
      ? `QEMU ended: ${(await qemu.ended).stderr}`
      : (watch.cause ?? fallback);

  const connected = await qemu.connectMonitor(signal);
  if (!connected.ok) return failed(await why(connected.error.reason));
  const monitor = connected.value;
  const changed = difference(record.fingerprint, { qemuVersion: monitor.qemuVersion });
  if (changed !== undefined) return failed(changed);
  const agent = await openAgentSession(
    { agent: runtimeDir.agent, agentGone: qemu.agentGone, ended: qemu.ended },
    config,
    signal,
  );
  if (!agent.ok) return failed(await why(agent.error.reason));
  const session = agent.value;
  undo.push(async () => session.close());

  const ramFile = basename(config.ramPath);
  await loadRam(qemu.pid, ramFile, dir, record.parts);
  const incoming = connect(runtimeDir.incomingPath);
  // For good: the pipeline listens no longer than it writes, and QEMU may be killed before it has read everything.
  incoming.on("error", () => {});
  await pipeline(createReadStream(join(dir, devicesName)), incoming, { signal });
  const loaded = await untilPaused(monitor, signal);
  if (!loaded.ok) return failed(await why(loaded.error));
  const port = await askForwardedPort(monitor, config.profile.login.port, signal);
  if (!port.ok) return failed(await why(port.error.reason));
  // Sent before the guest runs, so that it is the first thing the guest finds.
  const woken = session.wake(wakeInput(random, Date.now()));
  const running = await monitor.execute("cont", {}, signal);
  if (!running.ok) return failed(await why(running.error.reason));
  const awake = await Promise.race([woken, aborted(signal)]);
  if (!awake) return failed(await why("the agent in the guest does not answer"));

  const machine: Machine = runningMachine(
    { qemu, monitor, session, sshPort: port.value, runtimeDir },
    config,
    tuning,
  );
  return ok({
    machine,
    session,
    fingerprint: record.fingerprint,
    ramFile,
    memoryBytes: config.memoryBytes,
    origin: { kind: "saved", dir: savedIn, parts: record.parts, files: record.files },
    baseline: record.baseline,
    [Symbol.asyncDispose]: () => machine[Symbol.asyncDispose](),
  });
}

async function loadRam(pid: number, ramFile: string, dir: string, parts: number): Promise<void> {
  if (parts === 0) return;
  await using memory = await GuestMemory.open(pid, ramFile);
  await using saved = await openRam(dir, parts);
  await saved.load(memory);
}

/** Waits until QEMU has taken the devices' state. */
async function untilPaused(monitor: QmpClient, signal: AbortSignal): Promise<Result<void, string>> {
  for (;;) {
    const status = await monitor.execute("query-status", {}, signal);
    if (!status.ok) return failed(status.error.reason);
    const { status: name } = status.value as { readonly status: string };
    if (name === "paused" || name === "prelaunch") return ok();
    if (name !== "inmigrate") return failed(`QEMU is ${name}`);
    await delay(2, undefined, { signal }).catch(() => {});
  }
}

function aborted(signal: AbortSignal): Promise<false> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(false);
    else signal.addEventListener("abort", () => resolve(false), { once: true });
  });
}
