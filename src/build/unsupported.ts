import type { Step } from "../plan/step.ts";
import type { NotSupported } from "./failure.ts";

/** What of a step this version cannot build; such a step is refused, never built without it. */
export function unsupported(step: Step): NotSupported | undefined {
  if (step.op === "copy" && step.source.kind === "build") {
    return {
      reason: "not-supported",
      what: `(copy (from (build ${step.source.name})))`,
      hint: "this version of vmbuild cannot copy out of another build yet; build it by itself with `-o` or `-t`",
    };
  }
  return undefined;
}
