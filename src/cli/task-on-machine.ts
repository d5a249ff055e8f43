/** A script in the machine that a base image has booted already, as a build's step would be. */
import { constants } from "node:os";
import { buildPlan } from "../build/build-plan.ts";
import { gatherInputs } from "../build/gather-inputs.ts";
import { planSpec } from "../plan/plan-spec.ts";
import { initialContext } from "../profile/initial-context.ts";
import type { SandboxFailure } from "../sandbox/failure.ts";
import type { SandboxJob } from "../sandbox/sandbox.ts";
import { parseSpec } from "../spec/parse-spec.ts";
import { quoteAtom } from "../spec/quote-atom.ts";
import type { Layer, Stage } from "../store/store.ts";
import type { TaskFlags } from "./task-flags.ts";
import { noStep } from "./no-step.ts";
import { orThrow, userError } from "./or-throw.ts";
import { type TaskContext, taskOutput } from "./task-context.ts";

/** Where the guest finds the script: in its RAM alone. */
const scriptPath = "/run/vmbuild-task";

/** The script is copied, since what is there cannot be executed. */
const command = `set -e
dir=$(mktemp -d)
cp ${scriptPath} "$dir/task"
chmod 700 "$dir/task"
exec "$dir/task"`;

/**
 * Runs the script on a throw-away overlay of the base image; gives its exit status.
 *
 * @throws UserError
 */
export async function taskOnMachine(
  script: Uint8Array,
  flags: TaskFlags,
  context: TaskContext,
): Promise<number> {
  const { env, status, signal } = context;
  const { store } = env;
  const plan = await planOf(flags.image, context);
  await using _ = await store.hold([plan.result]);
  const built = await buildPlan(plan, env, { signal, onEvent: () => {} });
  if (!built.ok) throw userError(built.error.failure);
  const layer = built.value;
  try {
    const base = { kind: "layer", id: layer.id } as const;
    await using stage = orThrow(await store.stage({ id: noStep(), base, signal }));
    const job = await jobOf(script, flags, layer, stage, context);
    const ran = await env.sandbox.run(job, {
      signal,
      onPhase: (phase) => status.set(0, `${flags.image}: ${phase}`),
      onOutput: taskOutput(status),
      onWarning: (message) => void status.print(`warning: ${message}\n`),
      onMachine: async (pid) => void (await stage.machineStarted(pid)),
    });
    return ran.ok ? 0 : exitStatus(ran.error.failure);
  } finally {
    await env.sandbox.rest();
    await store.trimSuspended(env.warmBudgetBytes);
  }
}

async function planOf(image: string, { env, signal }: TaskContext) {
  const parsed = parseSpec({ name: "task", text: `((from ${quoteAtom(image)}))` });
  if (!parsed.ok) throw new Error(`Internal error: ${parsed.error[0]?.message}`);
  const { spec } = parsed.value;
  const { store, bases } = env;
  const inputs = await gatherInputs(spec, { store, bases, contextDir: process.cwd(), signal });
  if (inputs.ok) return planSpec(spec, inputs.value);
  const [problem] = inputs.error;
  if (problem === undefined) throw new Error("Internal error: no inputs and no problem");
  throw userError(problem.failure);
}

async function jobOf(
  script: Uint8Array,
  { network }: TaskFlags,
  layer: Layer,
  stage: Stage,
  { env, signal }: TaskContext,
): Promise<SandboxJob> {
  const { store } = env;
  const profile = env.bases.bootableProfile(layer.metadata.profile);
  return {
    profile,
    resources: orThrow(await env.resources(profile, signal)),
    diskPath: stage.diskPath,
    serialLogPath: stage.serialLogPath,
    network,
    task: {
      kind: "command",
      ...initialContext(profile),
      command,
      shell: ["/bin/sh", "-c"],
      caches: [],
      // As a secret it leaves nothing behind, and no machine is saved that nobody would go on with.
      secrets: [{ id: "task", target: scriptPath, value: script }],
    },
    keepFailed: false,
    workDir: stage.workDir,
    warm: {
      id: stage.id,
      parent: layer.id,
      parentDir: layer.suspendedDir,
      dir: stage.suspendedDir,
      freshBoot: false,
      onUsed: () => store.suspendedUsed(layer.id),
      offer: (dir) => store.suspend(layer.id, dir),
    },
  };
}

/** The status as a shell counts it. @throws UserError for what is not the script's own end */
function exitStatus(failure: SandboxFailure): number {
  if (failure.reason !== "command-failed") throw userError(failure);
  if (failure.exitCode !== undefined) return failure.exitCode;
  const signals: Readonly<Record<string, number>> = constants.signals;
  return 128 + (signals[`SIG${failure.signal}`] ?? 0);
}
