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

/** The base image that the appliance is. */
const applianceBase = "busybox";

/** A guest, and a directory in the store for what is needed meanwhile, which goes with it. */
export interface Appliance extends LentGuest {
  readonly dir: string;
}

/** Gives `use` the appliance, with or without a network, which is ended afterwards. Rejects with what `use` rejects with. */
export async function borrowAppliance<T>(
  env: BuildEnvironment,
  { network, signal }: { readonly network: boolean; readonly signal: AbortSignal },
  use: (appliance: Appliance) => Promise<T>,
): Promise<Result<T, StepFailure>> {
  const found = await applianceLayer(env, signal);
  if (!found.ok) return found;
  const { id, metadata, suspendedDir } = found.value;
  const staged = await env.store.stage({ id, base: { kind: "layer", id }, signal });
  if (!staged.ok) return staged;
  await using stage = staged.value;
  const { dir, diskPath, serialLogPath, workDir } = stage;
  const profile = env.bases.bootableProfile(metadata.profile);
  const resources = await env.resources(profile, signal);
  if (!resources.ok) return resources;
  return await env.sandbox.lend(
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
    (guest) => use({ ...guest, dir }),
  );
}

/** Looks whether the appliance can be had, for those who would find it out late; nothing is booted. */
export async function prepareAppliance(
  env: BuildEnvironment,
  signal: AbortSignal,
): Promise<Result<void, StepFailure>> {
  const found = await applianceLayer(env, signal);
  return found.ok ? ok() : found;
}

/** The layer of `(from busybox)`, which is made when it is not there: that takes no machine. */
async function applianceLayer(
  env: BuildEnvironment,
  signal: AbortSignal,
): Promise<Result<Layer, StepFailure>> {
  const parsed = parseSpec({ name: "appliance", text: `((from ${applianceBase}))` });
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
