import type { CopyStep, RunStep } from "../plan/step.ts";
import { failed, ok, type Result } from "../result.ts";
import type {
  FailedJob,
  SandboxHooks,
  SandboxReport,
  SandboxTask,
  SecretAttachment,
} from "../sandbox/sandbox.ts";
import { attempt } from "../store/fs-failure.ts";
import type { Layer, Stage } from "../store/store.ts";
import { claimStage } from "./claim-stage.ts";
import { type CopiedFiles, copiedFiles } from "./copied-files.ts";
import type { BuildEnvironment, BuildOptions } from "./environment.ts";
import type { StepRef } from "./event.ts";
import type { StepFailure } from "./failure.ts";
import { LeasedCaches } from "./leased-caches.ts";
import { OutputTap } from "./output-tap.ts";
import { SecretMask } from "./secret-mask.ts";
import { failureRecord } from "./shared-failure.ts";
import type { AttemptOptions, StepAttempt } from "./step-result.ts";
import { secretsOf } from "./step-secrets.ts";

/** Builds a `run` or a `copy`: an overlay on the parent's disk, changed by a machine. */
export async function runInMachine(
  ref: StepRef,
  step: RunStep | CopyStep,
  parent: Layer,
  env: BuildEnvironment,
  options: AttemptOptions,
): Promise<StepAttempt> {
  const startedAt = performance.now();
  const secrets = step.op === "run" ? secretsOf(step, parent.metadata.profile, env) : ok([]);
  if (!secrets.ok) return failed({ failure: secrets.error });
  const base = { kind: "layer", id: parent.id } as const;
  const staged = await claimStage(env.store, { id: step.id, base }, options);
  if (!staged.ok) return staged.error;
  await using stage = staged.value;
  const gathered = step.op === "copy" ? await copiedFiles(ref, step, env, options) : ok(undefined);
  if (!gathered.ok) return failed({ failure: gathered.error });
  await using files = gathered.value;
  const leased = await LeasedCaches.take(
    env.store,
    step.op === "run" ? step.caches : [],
    step.op === "run" ? step.context.workdir : "/",
  );
  if (!leased.ok) return failed({ failure: leased.error });
  await using caches = leased.value;

  const task = taskOf(step, caches, secrets.value, files);
  const ran = await inSandbox(ref, step, task, parent, stage, env, options);
  // A failed command's caches are complete too, and no part of its result: OBuilder keeps them as well.
  const { savedCaches } = ran.ok ? ran.value : ran.error;
  for (const message of await caches.publish(savedCaches)) {
    await options.onEvent({ type: "step-warning", ref, message });
  }
  if (!ran.ok) {
    const { failure, kept } = ran.error;
    const record = failureRecord(ran.error);
    // Followers who find none try the step themselves.
    if (record !== undefined) await stage.noteFailure(record);
    const hasLog = failure.reason !== "cancelled" && (await stage.keepLog()).ok;
    if (kept !== undefined) await stage.keepFor(kept.pid);
    return failed({
      failure,
      ...(hasLog ? { logId: step.id } : {}),
      ...(kept === undefined ? {} : { kept }),
    });
  }
  await options.onEvent({ type: "step-phase", ref, phase: "saving" });
  const promoted = await stage.promote({
    version: 1,
    id: step.id,
    parent: parent.id,
    op: step.op,
    heading: step.heading,
    base: parent.metadata.base,
    profile: parent.metadata.profile,
    ...(ran.value.running === true ? { running: true } : {}),
    createdAt: new Date().toISOString(),
    durationMs: Math.round(performance.now() - startedAt),
    vmbuild: env.version,
  });
  return promoted.ok ? promoted : failed({ failure: promoted.error });
}

/** Runs the step's task on the stage's disk, with its output going to the log and to the events. */
async function inSandbox(
  ref: StepRef,
  step: RunStep | CopyStep,
  task: SandboxTask,
  parent: Layer,
  stage: Stage,
  env: BuildEnvironment,
  options: BuildOptions,
): Promise<Result<SandboxReport, Omit<FailedJob, "failure"> & { readonly failure: StepFailure }>> {
  const profile = env.bases.bootableProfile(parent.metadata.profile);
  const resources = await env.resources(profile, options.signal);
  if (!resources.ok) return failed({ failure: resources.error, savedCaches: [] });
  const tapped = await attempt(stage.logPath, () =>
    OutputTap.open(stage.logPath, env.logLimitBytes, ref, {
      onEvent: options.onEvent,
      mask: new SecretMask(env.secrets?.values() ?? []),
    }),
  );
  if (!tapped.ok) return failed({ failure: tapped.error, savedCaches: [] });
  await using tap = tapped.value;
  const stop = new AbortController();
  tap.onLogFailure = () => stop.abort();
  const hooks: SandboxHooks = {
    signal: AbortSignal.any([options.signal, stop.signal]),
    onPhase: (phase) => void options.onEvent({ type: "step-phase", ref, phase }),
    onOutput: (chunk) => tap.write(chunk),
    onWarning: (message) => void options.onEvent({ type: "step-warning", ref, message }),
    onMachine: async (pid) => void (await stage.machineStarted(pid)),
    onDiskComplete: () => stage.diskComplete(),
  };
  const ran = await env.sandbox.run(
    {
      profile,
      resources: resources.value,
      diskPath: stage.diskPath,
      serialLogPath: stage.serialLogPath,
      network: step.op === "run" && step.network,
      task,
      keepFailed: env.keepFailed,
      workDir: stage.workDir,
      warm: {
        id: step.id,
        parent: parent.id,
        parentDir: parent.suspendedDir,
        dir: stage.suspendedDir,
        freshBoot: step.freshBoot,
        onUsed: () => env.store.suspendedUsed(parent.id),
        offer: (dir) => env.store.suspend(parent.id, dir),
      },
    },
    hooks,
  );
  const closed = await tap.close();
  if (!closed.ok) return failed({ failure: closed.error, savedCaches: [] });
  return ran;
}

function taskOf(
  step: RunStep | CopyStep,
  caches: LeasedCaches,
  secrets: readonly SecretAttachment[],
  files: CopiedFiles | undefined,
): SandboxTask {
  if (step.op === "copy") {
    if (files === undefined) throw new Error("Internal error: a copy without its files");
    return { kind: "copy", items: files.items, user: step.user, openTar: files.openTar };
  }
  return {
    kind: "command",
    command: step.command,
    ...step.context,
    ...(step.timeoutMs === undefined ? {} : { timeoutMs: step.timeoutMs }),
    caches: caches.attachments,
    secrets,
  };
}
