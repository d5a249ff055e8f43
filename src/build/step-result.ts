import type { Result } from "../result.ts";
import type { Layer, LiveStage } from "../store/store.ts";
import type { EventSink } from "./event.ts";
import type { BuildFailure } from "./failure.ts";

/** What a step's work gives its caller: the layer, or why there is none. */
export type StepResult = Result<Layer, Omit<BuildFailure, "step">>;

/** Undefined when somebody else has the step, or has built it: then nothing was done. */
export type StepAttempt = StepResult | undefined;

export interface AttemptOptions {
  readonly signal: AbortSignal;
  readonly onEvent: EventSink;
  /** Called when the step is this attempt's to build. */
  readonly onClaimed: (stage: LiveStage) => void;
}
