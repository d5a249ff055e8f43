import type { Result } from "../result.ts";
import type { Layer } from "../store/store.ts";
import type { BuildFailure } from "./failure.ts";

/** What a step's work gives its caller: the layer, or why there is none. */
export type StepResult = Result<Layer, Omit<BuildFailure, "step">>;
