import { randomBytes } from "node:crypto";
import type { StepId } from "../plan/step.ts";

/** An id that no step has, so that nothing can take a stage with it for a layer in the making. */
export function noStep(): StepId {
  return randomBytes(32).toString("hex") as StepId;
}
