/**
 * What a build tells while it goes on. Data only; rendering is somebody else's.
 */
import type { Step, StepId } from "../plan/step.ts";
import type { KeptMachine, SandboxPhase } from "../sandbox/sandbox.ts";
import type { StepFailure } from "./failure.ts";

/** Which step an event is about. */
export interface StepRef {
  readonly step: Step;
  /** Position in the plan, from 1. */
  readonly number: number;
  readonly of: number;
}

export type BuildEvent =
  | StepStarted
  | StepPhase
  | StepAttached
  | StepDetached
  | StepOutput
  | StepWarning
  | StepCached
  | StepSaved
  | StepFailed
  | BuildNote;

/** A step begins: to be built, or to have its log replayed when it was built before. */
export interface StepStarted {
  readonly type: "step-started";
  readonly ref: StepRef;
  readonly cached: boolean;
}

/** A step's machine has come to another part of the work. */
export interface StepPhase {
  readonly type: "step-phase";
  readonly ref: StepRef;
  readonly phase: SandboxPhase | "waiting" | "importing" | "reading" | "saving";
}

/** Somebody else builds the step at present; its output follows from its beginning. */
export interface StepAttached {
  readonly type: "step-attached";
  readonly ref: StepRef;
  /** The process that builds it; another build of this process is possible. */
  readonly pid: number;
}

/** Whoever built the step has ended without an outcome for this build, which starts the step over. */
export interface StepDetached {
  readonly type: "step-detached";
  readonly ref: StepRef;
  readonly pid: number;
}

/** Output of a command, as it came: any bytes, cut anywhere. */
export interface StepOutput {
  readonly type: "step-output";
  readonly ref: StepRef;
  readonly chunk: Uint8Array;
  /** True when it comes from the stored log of a cached step. */
  readonly replayed: boolean;
}

/** Something odd that did not fail the step. */
export interface StepWarning {
  readonly type: "step-warning";
  readonly ref: StepRef;
  readonly message: string;
}

/** The step was built before; its log has been replayed. */
export interface StepCached {
  readonly type: "step-cached";
  readonly ref: StepRef;
}

/** The step's layer was promoted. */
export interface StepSaved {
  readonly type: "step-saved";
  readonly ref: StepRef;
  readonly id: StepId;
  readonly durationMs: number;
  /** The process that built it, when this build was attached to it. */
  readonly builtBy?: number;
}

/** The step failed; the build will end with this failure among its own. */
export interface StepFailed {
  readonly type: "step-failed";
  readonly ref: StepRef;
  readonly failure: StepFailure;
  readonly kept?: KeptMachine;
}

/** Something about the whole build, for those who asked for detail; a warning is for everybody. */
export interface BuildNote {
  readonly type: "note";
  readonly message: string;
  readonly isWarning?: true;
}

/**
 * Takes events in order. A returned promise is awaited before more output is read from the guest.
 */
export type EventSink = (event: BuildEvent) => void | Promise<void>;
