import { failed, type Result } from "../result.ts";
import type { Layer } from "../store/store.ts";
import type { BuildEnvironment, BuildOptions } from "./environment.ts";
import type { StepRef } from "./event.ts";
import type { BuildFailure } from "./failure.ts";
import { importBase } from "./import-base.ts";
import { runInMachine } from "./run-in-machine.ts";
import type { StepResult } from "./step-result.ts";

/**
 * Builds one step that is not in the store and promotes its layer.
 *
 * `parent` is the layer of the step before; undefined for `from`. Leaves nothing behind on failure but
 * the step's log, and its machine when the environment says so.
 */
export async function runStep(
  ref: StepRef,
  parent: Layer | undefined,
  env: BuildEnvironment,
  options: BuildOptions,
): Promise<Result<Layer, BuildFailure>> {
  const { step } = ref;
  const outcome: StepResult =
    step.op === "from"
      ? await importBase(ref, step, env, options)
      : await runInMachine(ref, step, required(parent), env, options);
  if (!outcome.ok) {
    const { failure, kept } = outcome.error;
    await options.onEvent({
      type: "step-failed",
      ref,
      failure,
      ...(kept === undefined ? {} : { kept }),
    });
    return failed({ step, ...outcome.error });
  }
  const { id, metadata } = outcome.value;
  await options.onEvent({ type: "step-saved", ref, id, durationMs: metadata.durationMs });
  return outcome;
}

function required(parent: Layer | undefined): Layer {
  if (parent === undefined) throw new Error("Internal error: a step without its parent's layer");
  return parent;
}
