/**
 * The appliance: the machine in which images are edited, a small Linux of our own with the image's disk plugged in. It
 * goes on with the machine that a build on that base image would go on with, so one boot serves both.
 */
import { buildPlan } from "../build/build-plan.ts";
import type { BuildEnvironment } from "../build/environment.ts";
import type { StepFailure } from "../build/failure.ts";
import { gatherInputs } from "../build/gather-inputs.ts";
import { planSpec } from "../plan/plan-spec.ts";
import { failed, ok, type Result } from "../result.ts";
import type { LentGuest } from "../sandbox/sandbox.ts";
import { parseSpec } from "../spec/parse-spec.ts";
import type { Layer } from "../store/store.ts";
import type { EditFailure } from "./failure.ts";

/** The base images that the appliance can be; the larger one has what opens LVM, LUKS and NTFS. */
type ApplianceBase = "busybox" | "appliance";

/** The appliance cannot open what is there; the larger one can. */
export interface ToolsWanted {
  readonly reason: "tools-wanted";
}

interface Borrowing<P> {
  readonly network: boolean;
  readonly signal: AbortSignal;
  /** Done while the machine starts, in a directory of the store's that goes with it. */
  readonly prepare: (dir: string) => Promise<P>;
}

/**
 * Gives `use` the appliance, with or without a network, which is ended afterwards: the small one, and when that is not
 * enough then the larger one. Rejects with what `use` rejects with.
 */
export async function withAppliance<T, P>(
  env: BuildEnvironment,
  borrowing: Borrowing<P>,
  use: (guest: LentGuest, prepared: P) => Promise<Result<T, EditFailure | ToolsWanted>>,
): Promise<Result<T, EditFailure>> {
  for (const base of ["busybox", "appliance"] as const) {
    const done = await borrow(base, env, borrowing, use);
    if (done.ok) return done;
    if (done.error.reason !== "tools-wanted") return failed(done.error);
  }
  throw new Error("Internal error: the larger appliance has not got what it is for");
}

async function borrow<T, P, F>(
  base: ApplianceBase,
  env: BuildEnvironment,
  { network, signal, prepare }: Borrowing<P>,
  use: (guest: LentGuest, prepared: P) => Promise<Result<T, F>>,
): Promise<Result<T, F | StepFailure>> {
  const found = await applianceLayer(base, env, signal);
  if (!found.ok) return found;
  const { id, metadata, suspendedDir } = found.value;
  const staged = await env.store.stage({ id, base: { kind: "layer", id }, signal });
  if (!staged.ok) return staged;
  await using stage = staged.value;
  const { dir, diskPath, serialLogPath, workDir } = stage;
  const profile = env.bases.bootableProfile(metadata.profile);
  const resources = await env.resources(profile, signal);
  if (!resources.ok) return resources;
  const preparing = prepare(dir);
  const lending = env.sandbox.lend(
    {
      id,
      profile,
      resources: resources.value,
      diskPath,
      serialLogPath,
      workDir,
      suspendedDir,
      network,
      onUsed: () => env.store.suspendedUsed(id),
      offer: (saved) => env.store.suspend(id, saved),
    },
    { signal, onMachine: async (pid) => void (await stage.machineStarted(pid)) },
    async (guest) => use(guest, await preparing),
  );
  // Neither goes on when the directory goes.
  await Promise.allSettled([lending, preparing]);
  await preparing;
  const lent = await lending;
  return lent.ok ? lent.value : lent;
}

/** Looks whether the appliance can be had, for those who would find it out late. */
export async function prepareAppliance(
  env: BuildEnvironment,
  signal: AbortSignal,
): Promise<Result<void, StepFailure>> {
  const found = await applianceLayer("busybox", env, signal);
  return found.ok ? ok() : found;
}

/**
 * The layer the appliance goes on from, which is made when it is not there. Its machine has the drivers in it that many
 * disks need, since loading one takes longer than all else that is done with the disk.
 */
async function applianceLayer(
  base: ApplianceBase,
  env: BuildEnvironment,
  signal: AbortSignal,
): Promise<Result<Layer, StepFailure>> {
  const parsed = parseSpec({ name: "appliance", text: applianceSpec(base) });
  if (!parsed.ok) throw new Error("Internal error: the appliance's spec is wrong");
  const { store, bases } = env;
  const inputs = await gatherInputs(parsed.value.spec, { store, bases, contextDir: "/", signal });
  if (!inputs.ok) {
    const [problem] = inputs.error;
    if (problem === undefined) throw new Error("Internal error: a failure without a problem");
    // It asks for no network, so there is no problem with one.
    return failed(problem.failure);
  }
  const plan = planSpec(parsed.value.spec, inputs.value);
  const built = await buildPlan(plan, env, { signal, onEvent: () => {} });
  return built.ok ? built : failed(built.error.failure);
}

function applianceSpec(base: ApplianceBase): string {
  const drivers = ["vfat", "nls_cp437", "nls_ascii", "xfs", "btrfs"];
  if (base === "appliance") drivers.push("dm_mod", "dm_crypt", "fuse");
  // What is missing is told when a disk needs it.
  return `((from ${base}) (run (shell "modprobe -a -q ${drivers.join(" ")} || true")))`;
}
