import type { Layer } from "../store/store.ts";
import type { BuildEnvironment } from "./environment.ts";
import type { StepRef } from "./event.ts";
import { importBase } from "./import-base.ts";
import { runInMachine } from "./run-in-machine.ts";
import type { AttemptOptions, StepAttempt } from "./step-result.ts";

/**
 * Builds one step that is not in the store and promotes its layer, unless somebody else does at present.
 *
 * `parent` is the layer of the step before; undefined for `from`. Leaves nothing behind on failure but
 * the step's log, and its machine when the environment says so.
 */
export async function runStep(
  ref: StepRef,
  parent: Layer | undefined,
  env: BuildEnvironment,
  options: AttemptOptions,
): Promise<StepAttempt> {
  const { step } = ref;
  return step.op === "from"
    ? importBase(ref, step, env, options)
    : runInMachine(ref, step, required(parent), env, options);
}

function required(parent: Layer | undefined): Layer {
  if (parent === undefined) throw new Error("Internal error: a step without its parent's layer");
  return parent;
}
