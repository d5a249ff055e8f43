import type { FromStep } from "../plan/step.ts";
import { failed } from "../result.ts";
import { claimStage } from "./claim-stage.ts";
import type { BuildEnvironment } from "./environment.ts";
import type { StepRef } from "./event.ts";
import type { AttemptOptions, StepAttempt } from "./step-result.ts";

/** Makes the layer of a `from`: an empty overlay on the base image, which is imported first if need be. */
export async function importBase(
  ref: StepRef,
  step: FromStep,
  env: BuildEnvironment,
  options: AttemptOptions,
): Promise<StepAttempt> {
  const startedAt = performance.now();
  if (step.base.kind === "layer") {
    return failed({ failure: { reason: "layer-missing", id: step.id } });
  }
  const { name, digest } = step.base;
  await options.onEvent({ type: "step-phase", ref, phase: "importing" });
  const imported = await env.bases.import(name, digest, options.signal);
  if (!imported.ok) return failed({ failure: imported.error });
  const request = {
    id: step.id,
    base: { kind: "image", digest, format: imported.value.format },
    ...(step.diskSizeBytes === undefined ? {} : { diskSizeBytes: step.diskSizeBytes }),
  } as const;
  const staged = await claimStage(env.store, request, options);
  if (!staged.ok) return staged.error;
  await using stage = staged.value;
  const promoted = await stage.promote({
    version: 1,
    id: step.id,
    op: "from",
    heading: step.heading,
    base: { name, digest },
    profile: imported.value.profile,
    createdAt: new Date().toISOString(),
    durationMs: Math.round(performance.now() - startedAt),
    vmbuild: env.version,
  });
  return promoted.ok ? promoted : failed({ failure: promoted.error });
}
