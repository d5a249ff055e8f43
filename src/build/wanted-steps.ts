import type { Plan } from "../plan/plan.ts";
import type { StepId } from "../plan/step.ts";
import { stepNeeds } from "../plan/step-needs.ts";

/**
 * The steps of a plan that a build has to do with: those in the store, whose logs are told, and those that must be
 * built. A step that only steps in the store have needed is neither: its layer may have been deleted meanwhile.
 */
export function wantedSteps(plan: Plan, isKnown: (id: StepId) => boolean): ReadonlySet<StepId> {
  const isNeeded = new Set<StepId>();
  const hasUser = new Set<StepId>();
  const wanted = new Set<StepId>();
  for (const step of plan.steps.toReversed()) {
    const { id } = step;
    // What nothing needs is the end of a build, and built in any case.
    const isMissing = !isKnown(id) && (isNeeded.has(id) || !hasUser.has(id));
    if (isMissing || isKnown(id)) wanted.add(id);
    for (const need of stepNeeds(step)) {
      hasUser.add(need);
      if (isMissing) isNeeded.add(need);
    }
  }
  return wanted;
}
