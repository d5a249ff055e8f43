/**
 * Which accelerator to use, found by running code: KVM's device may be there, open, and announce
 * itself, and yet no guest finish on it.
 */
import { readFile, stat } from "node:fs/promises";
import type { GuestArch } from "../profile/profile.ts";
import { failed, ok, type Result } from "../result.ts";
import type { Accelerator } from "./accelerator.ts";
import { raceAccelerators, type Outcome } from "./accelerator-race.ts";
import type { MachineFailure } from "./failure.ts";
import { kvmObstacle, thisHost, type Host } from "./kvm-host.ts";
import { findProgram } from "./program.ts";
import { qemuPackage, qemuProgram } from "./qemu-argv.ts";

/** The accelerator to use, and why, in one sentence. */
export interface AcceleratorChoice {
  readonly accelerator: Accelerator;
  readonly reason: string;
}

/** Where a choice is kept from one process to the next. Neither function may reject. */
export interface AcceleratorMemory {
  /** What `validate` makes of the value saved last. */
  load<T>(validate: (value: unknown) => T | undefined): Promise<T | undefined>;
  /** `value` is JSON-serialisable. */
  save(value: unknown): Promise<void>;
}

export interface AcceleratorRequest {
  /** Of the guest. */
  readonly arch: GuestArch;
  readonly signal: AbortSignal;
  readonly memory: AcceleratorMemory;
  /** QEMU's absolute path. @default what `searchPath` has for the architecture */
  readonly qemuBinary?: string;
  /** @default `$PATH` */
  readonly searchPath?: string;
  /** @default 3000 */
  readonly deadlineMs?: number;
  readonly host?: Host;
}

/**
 * The fastest accelerator that finishes a small program within the deadline.
 *
 * Nothing is run when only TCG is possible, or when the same QEMU was asked since the host was booted:
 * the choice is remembered under QEMU's path, size and modification time, the host's boot id and the
 * architecture. When nothing finishes, it is TCG, which depends on nothing, and that is not remembered.
 * Fails with `program-missing`, `runtime-dir-unusable`, `qemu-failed` (cannot be executed), `cancelled`.
 */
export async function chooseAccelerator(
  request: AcceleratorRequest,
): Promise<Result<AcceleratorChoice, MachineFailure>> {
  const { arch, signal, memory, searchPath = process.env["PATH"] ?? "" } = request;
  if (signal.aborted) return failed({ reason: "cancelled" });
  const obstacle = await kvmObstacle(arch, request.host ?? thisHost());
  if (obstacle !== undefined) return ok({ accelerator: "tcg", reason: `tcg: ${obstacle}` });

  const qemu = await qemuPathOf(request, searchPath);
  if (!qemu.ok) return qemu;
  const key = await memoryKey(arch, qemu.value);
  const remembered = await memory.load((value) => rememberedChoice(value, key));
  if (remembered) return ok(remembered);

  const setpriv = await findProgram(
    { program: "setpriv", debianPackage: "util-linux" },
    searchPath,
  );
  if (!setpriv.ok) return setpriv;
  const deadlineMs = request.deadlineMs ?? 3_000;
  const race = await raceAccelerators({
    arch,
    candidates: ["kvm", "tcg"],
    qemuPath: qemu.value,
    setprivPath: setpriv.value,
    deadlineMs,
    signal,
  });
  if (!race.ok) return race;
  const winner = fastest(race.value);
  const choice: AcceleratorChoice = {
    accelerator: winner ?? "tcg",
    reason: describe(race.value, deadlineMs),
  };
  if (winner !== undefined) await memory.save({ key, ...choice });
  return ok(choice);
}

async function qemuPathOf(
  { arch, qemuBinary }: AcceleratorRequest,
  searchPath: string,
): Promise<Result<string, MachineFailure>> {
  if (qemuBinary !== undefined) return ok(qemuBinary);
  const program = { program: qemuProgram(arch), debianPackage: qemuPackage(arch) };
  return findProgram(program, searchPath);
}

/** What must be unchanged for a remembered choice to hold. */
async function memoryKey(arch: GuestArch, qemuPath: string): Promise<string> {
  const bootId = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "");
  const { size, mtimeMs } = await stat(qemuPath).catch(() => ({ size: 0, mtimeMs: 0 }));
  return JSON.stringify([arch, qemuPath, size, mtimeMs, bootId.trim()]);
}

function rememberedChoice(value: unknown, key: string): AcceleratorChoice | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const saved = value as Partial<Record<"key" | "accelerator" | "reason", unknown>>;
  const { accelerator, reason } = saved;
  if (saved.key !== key || typeof reason !== "string") return undefined;
  return accelerator === "kvm" || accelerator === "tcg" ? { accelerator, reason } : undefined;
}

function fastest(outcomes: ReadonlyMap<Accelerator, Outcome>): Accelerator | undefined {
  let best: { accelerator: Accelerator; ms: number } | undefined;
  for (const [accelerator, outcome] of outcomes) {
    if (outcome.kind !== "finished") continue;
    if (!best || outcome.ms < best.ms) best = { accelerator, ms: outcome.ms };
  }
  return best?.accelerator;
}

/** For example `tcg: 0.37 s; kvm: not finished by then`. */
function describe(outcomes: ReadonlyMap<Accelerator, Outcome>, deadlineMs: number): string {
  const winner = fastest(outcomes);
  const isDecided = winner !== undefined;
  const parts = [...outcomes].map(([accelerator, outcome]) => {
    const by = isDecided ? "by then" : `within ${deadlineMs / 1000} s`;
    return { accelerator, text: `${accelerator}: ${outcomeText(outcome, by)}` };
  });
  parts.sort((a, b) => Number(b.accelerator === winner) - Number(a.accelerator === winner));
  const text = parts.map((part) => part.text).join("; ");
  return isDecided ? text : `${text}; tcg is what needs nothing of the host`;
}

function outcomeText(outcome: Outcome, by: string): string {
  switch (outcome.kind) {
    case "finished":
      return `${(outcome.ms / 1000).toFixed(2)} s`;
    case "wrong":
      return `failed (${outcome.detail})`;
    case "unfinished":
      return `not finished ${by}`;
  }
}
