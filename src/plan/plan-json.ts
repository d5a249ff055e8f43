import type { Plan } from "./plan.ts";
import { stepNeeds } from "./step-needs.ts";
import type { Step, StepId } from "./step.ts";

/**
 * A plan as `--json` prints it. The shape is stable: fields may be added, and `version` is raised when
 * one changes its meaning or goes.
 */
export interface PlanJson {
  readonly version: 1;
  /** Id of the last step of the main build. */
  readonly result: string;
  /** Each after everything it needs; a step that occurs twice is listed once. */
  readonly steps: readonly PlanStepJson[];
}

/** One step of a {@link PlanJson}. */
export interface PlanStepJson {
  /** 64 lower-case hex digits. */
  readonly id: string;
  readonly op: "from" | "run" | "copy";
  /** Names of the nested builds it stands in, outermost first; empty for the main build. */
  readonly build: readonly string[];
  /** The directive on one line. */
  readonly heading: string;
  /** Ids of the steps that come before it: its parent first, then the build it copies from. */
  readonly needs: readonly string[];
  /** True when the store has it already. */
  readonly cached: boolean;
}

/** The plan for machines. `isCached` says whether the store holds the layer of an id. */
export function planToJson(plan: Plan, isCached: (id: StepId) => boolean): PlanJson {
  return {
    version: 1,
    result: plan.result,
    steps: plan.steps.map((step) => stepToJson(step, isCached(step.id))),
  };
}

function stepToJson(step: Step, cached: boolean): PlanStepJson {
  const { id, op, build, heading } = step;
  return { id, op, build, heading, needs: stepNeeds(step), cached };
}
