import type { Step } from "../plan/step.ts";
import type { NotSupported } from "./failure.ts";

/** What of a step this version cannot build; such a step is refused, never built without it. */
export function unsupported(step: Step): NotSupported | undefined {
  if (step.op === "run" && step.secrets.length > 0) {
    return {
      reason: "not-supported",
      what: "secrets",
      hint: "this version of vmbuild cannot hand secrets to a step yet; fetch what needs one outside and `copy` it in",
    };
  }
  return undefined;
}
