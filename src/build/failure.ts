import type { ImageFailure } from "../image/failure.ts";
import type { Step, StepId } from "../plan/step.ts";
import type { KeptMachine } from "../sandbox/sandbox.ts";
import type { ReadFailure, SandboxFailure } from "../sandbox/failure.ts";
import type { StoreFailure } from "../store/failure.ts";
import type { TreeFailure } from "../tree/failure.ts";

/** What can go wrong in one step. */
export type StepFailure =
  | SandboxFailure
  | StoreFailure
  | ImageFailure
  | NotSupported
  | GuestFilesFailure
  | NetworkUnknown
  /** Secrets that steps ask for and that were not given. */
  | { readonly reason: "secrets-missing"; readonly ids: readonly string[] };

/** Files of a finished build cannot be had. */
export interface GuestFilesFailure {
  readonly reason: "guest-files";
  /** The nested build's name; absent for the result of the whole spec. */
  readonly build?: string;
  readonly cause: TreeFailure | Exclude<ReadFailure, SandboxFailure>;
}

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

/** Why a step ended without its layer. */
export interface BuildFailure {
  readonly step: Step;
  readonly failure: StepFailure;
  /** Where the failed step's log was kept, when it had one. */
  readonly logId?: StepId;
  readonly kept?: KeptMachine;
}

/** Why a build ended without its result: its first failure, and what else there is to say. */
export interface FailedBuild extends BuildFailure {
  /** What failed after that by itself, in order. */
  readonly others: readonly BuildFailure[];
  /** How many steps were not begun because of it all. */
  readonly notBegun: number;
}
