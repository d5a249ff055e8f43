import { resolve } from "node:path";
import { gatherInputs, type InputProblem } from "../build/gather-inputs.ts";
import { checkContext } from "../context/find-source.ts";
import type { BaseImages } from "../image/base-images.ts";
import type { Plan } from "../plan/plan.ts";
import { planSpec } from "../plan/plan-spec.ts";
import type { Diagnostic } from "../spec/diagnostic.ts";
import type { SourceText } from "../spec/source.ts";
import type { Store } from "../store/store.ts";
import { orThrow } from "./or-throw.ts";
import { readSpec, wrongSpec } from "./read-spec.ts";
import { type ConfiguredImages, inputMessage } from "./render/input-message.ts";

export interface PlanRequest {
  readonly specPath: string;
  readonly contextDir: string;
  readonly store: Store;
  readonly bases: BaseImages;
  readonly images: ConfiguredImages;
  readonly diskSizeBytes?: number;
  readonly signal: AbortSignal;
}

export interface MadePlan {
  readonly source: SourceText;
  readonly plan: Plan;
  /** Absolute. */
  readonly contextDir: string;
}

/** Reads a spec and plans it. @throws UserError after printing every problem at its place in the spec */
export async function makePlan(request: PlanRequest): Promise<MadePlan> {
  const { source, spec } = await readSpec(request.specPath);
  const contextDir = resolve(request.contextDir);
  // Also for a spec without `copy`: a wrong context is more likely a slip than meant.
  orThrow(await checkContext(contextDir));
  const inputs = await gatherInputs(spec, { ...request, images: request.images.names, contextDir });
  if (!inputs.ok) {
    throw wrongSpec(
      source.name,
      inputs.error.map((problem) => diagnosticOf(source, problem, request.images)),
    );
  }
  return { source, contextDir, plan: planSpec(spec, inputs.value) };
}

function diagnosticOf(
  source: SourceText,
  problem: InputProblem,
  images: ConfiguredImages,
): Diagnostic {
  const { text, detail, hint } = inputMessage(problem, images);
  return {
    severity: "error",
    source,
    range: problem.range,
    message: detail === undefined ? text : `${text} (${detail.replaceAll("\n", "; ")})`,
    ...(hint === undefined ? {} : { hint }),
  };
}
