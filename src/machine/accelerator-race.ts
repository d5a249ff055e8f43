import { rm, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import type { GuestArch } from "../profile/profile.ts";
import { failed, ok, type Result } from "../result.ts";
import type { Accelerator } from "./accelerator.ts";
import { defaultCpuModel } from "./cpu-model.ts";
import { deferred } from "./deferred.ts";
import type { MachineFailure } from "./failure.ts";
import type { ProbeProgram } from "./probe-program.ts";
import { probeProgram } from "./probe-programs.ts";
import { spawnQemu, type QemuProcess } from "./qemu-process.ts";
import { makeRuntimeDir, runtimeParents } from "./runtime-dir.ts";
import { settledWithin } from "./settled-within.ts";

/** How one candidate did. */
export type Outcome =
  | { readonly kind: "finished"; readonly ms: number }
  /** It ended, but not with the right result. */
  | { readonly kind: "wrong"; readonly detail: string }
  /** It was still at it when the race was over. */
  | { readonly kind: "unfinished" };

/** What a race needs. */
export interface RaceOptions {
  readonly arch: GuestArch;
  readonly candidates: readonly Accelerator[];
  readonly qemuPath: string;
  readonly setprivPath: string;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

/**
 * Runs the probe program under all candidates at once, with the CPU model real machines get, until one
 * has finished it, all have failed, or the deadline has passed. No QEMU is left when it returns.
 */
export async function raceAccelerators(
  options: RaceOptions,
): Promise<Result<ReadonlyMap<Accelerator, Outcome>, MachineFailure>> {
  const dir = await makeRuntimeDir(runtimeParents());
  if (!dir.ok) return dir;
  const runners: QemuProcess[] = [];
  try {
    const program = probeProgram(options.arch);
    const imagePath = path.join(dir.value.path, "probe.img");
    await writeFile(imagePath, program.image);
    await truncate(imagePath, program.fileBytes);
    return await run(options, program, imagePath, runners);
  } catch (error) {
    const { path } = dir.value;
    const hint = "make room there, or set XDG_RUNTIME_DIR to another directory";
    const { message } = error as Error;
    return failed({ reason: "runtime-dir-unusable", path, message, hint });
  } finally {
    for (const { kill } of runners) kill();
    await Promise.all(runners.map(({ ended }) => ended));
    await rm(dir.value.path, { recursive: true, force: true });
  }
}

async function run(
  { arch, candidates, qemuPath, setprivPath, deadlineMs, signal }: RaceOptions,
  program: ProbeProgram,
  imagePath: string,
  runners: QemuProcess[],
): Promise<Result<ReadonlyMap<Accelerator, Outcome>, MachineFailure>> {
  const outcomes = new Map<Accelerator, Outcome>();
  const over = deferred<void>(signal, () => {});
  const record = async (accelerator: Accelerator, runner: QemuProcess, startedAt: number) => {
    const outcome = await outcomeOf(runner, program.exitCode, startedAt);
    outcomes.set(accelerator, outcome);
    const running = [...outcomes.values()].some(({ kind }) => kind === "unfinished");
    if (outcome.kind === "finished" || !running) over.settle();
  };
  for (const accelerator of candidates) {
    outcomes.set(accelerator, { kind: "unfinished" });
    const startedAt = performance.now();
    const argv = [
      qemuPath,
      "-nodefaults",
      "-no-user-config",
      "-display",
      "none",
      "-accel",
      accelerator,
      "-cpu",
      defaultCpuModel(arch, accelerator),
      ...program.argv(imagePath),
    ] as const;
    const spawned = await spawnQemu({ argv, setprivPath });
    if (!spawned.ok) return spawned;
    runners.push(spawned.value);
    void record(accelerator, spawned.value, startedAt);
  }
  await settledWithin(over.promise, deadlineMs);
  return signal.aborted ? failed({ reason: "cancelled" }) : ok(new Map(outcomes));
}

async function outcomeOf(
  { ended }: QemuProcess,
  rightExitCode: number,
  startedAt: number,
): Promise<Outcome> {
  const { exitCode, signal, stderr } = await ended;
  if (exitCode === rightExitCode) return { kind: "finished", ms: performance.now() - startedAt };
  const how = signal === undefined ? `exit code ${exitCode}` : signal;
  const said = stderr.split("\n").at(-1) ?? "";
  return { kind: "wrong", detail: said === "" ? how : `${how}: ${said}` };
}
