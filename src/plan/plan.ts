/**
 * The plan: a DAG of steps with final ids, made without touching anything.
 */
import type { From } from "../spec/spec.ts";
import type { SourceRange } from "../spec/source.ts";
import type { Manifest } from "./manifest.ts";
import type { BaseInput, Step, StepId } from "./step.ts";

/** Steps in an order in which each comes after all it needs; a step that occurs twice is listed once. */
export interface Plan {
  readonly steps: readonly Step[];
  /** The last step of the main build. */
  readonly result: StepId;
}

/** What must be looked up outside before a spec can be planned. */
export interface InputsNeeded {
  /** Every distinct `from`, nested builds included. */
  readonly bases: readonly From[];
  readonly sources: readonly SourceNeeded[];
}

/** One source path of a `copy` from the build context. */
export interface SourceNeeded {
  /** As the spec spells it. */
  readonly path: string;
  /** Sorted, without duplicates. */
  readonly exclude: readonly string[];
  readonly range: SourceRange;
}

/** The answers to {@link InputsNeeded}. */
export interface PlanInputs {
  readonly base: (from: From) => BaseInput;
  /** Asked with the `path` and `exclude` of a {@link SourceNeeded}. */
  readonly manifest: (path: string, exclude: readonly string[]) => Manifest;
  /**
   * Size every base image's disk is grown to, in bytes (`--disk-size`). A base that is a tagged layer
   * keeps its size: its disk is taken as it is.
   */
  readonly diskSizeBytes?: number;
}
