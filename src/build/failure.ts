import type { ImageFailure } from "../image/failure.ts";
import type { Step, StepId } from "../plan/step.ts";
import type { KeptMachine } from "../sandbox/sandbox.ts";
import type { SandboxFailure } from "../sandbox/failure.ts";
import type { StoreFailure } from "../store/failure.ts";

/** What can go wrong in one step. */
export type StepFailure =
  | SandboxFailure
  | StoreFailure
  | ImageFailure
  | NotSupported
  | NetworkUnknown
  /** Secrets that steps ask for and that were not given. */
  | { readonly reason: "secrets-missing"; readonly ids: readonly string[] };

/** The spec asks for something that this version cannot do. */
export interface NotSupported {
  readonly reason: "not-supported";
  readonly what: string;
  readonly hint: string;
}

/** A name in `(network …)` that means nothing. */
export interface NetworkUnknown {
  readonly reason: "network-unknown";
  readonly name: string;
}

/** Why a build ended without its result. */
export interface BuildFailure {
  readonly step: Step;
  readonly failure: StepFailure;
  /** Where the failed step's log was kept, when it had one. */
  readonly logId?: StepId;
  readonly kept?: KeptMachine;
}
