import type { Step, StepId } from "./step.ts";

/** The steps that must have been built before `step` can run: its parent and the build it copies from. */
export function stepNeeds(step: Step): readonly StepId[] {
  switch (step.op) {
    case "from":
      return [];
    case "run":
      return [step.parent];
    case "copy":
      return step.source.kind === "build" ? [step.parent, step.source.id] : [step.parent];
  }
}
