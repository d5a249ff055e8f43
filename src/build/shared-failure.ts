/**
 * Which failures of a step are also those of others who want the same step, and how they are told.
 *
 * What the guest did with the step is: another run would end the same way, as far as an id says what
 * decides a result. A lost machine, a full disk, a missing program or a cancelled build is the builder's
 * own affair, and whoever else wants the step tries it.
 */
import type { Step } from "../plan/step.ts";
import type { KeptMachine } from "../sandbox/sandbox.ts";
import type { BuildFailure, StepFailure } from "./failure.ts";

/** What a builder leaves for its followers; undefined when the failure is its own affair. */
export function failureRecord({ failure, kept }: Pick<BuildFailure, "failure" | "kept">): unknown {
  return isShared(failure) ? { failure, ...(kept === undefined ? {} : { kept }) } : undefined;
}

/**
 * The failure in a record, if it is that of `step` as its follower has it; undefined when the follower has
 * to try for itself.
 */
export function sharedFailure(
  record: unknown,
  step: Step,
  keepFailed: boolean,
): Pick<BuildFailure, "failure" | "kept"> | undefined {
  if (!isObject(record)) return undefined;
  const failure = readFailure(record["failure"]);
  if (failure === undefined || !appliesTo(failure, step)) return undefined;
  const kept = readKept(record["kept"]);
  if (kept !== undefined) return { failure, kept };
  // Who wants to look into the failed machine needs one.
  return keepFailed ? undefined : { failure };
}

function isShared({ reason }: StepFailure): boolean {
  return (
    reason === "command-failed" ||
    reason === "command-timed-out" ||
    reason === "guest-setup-failed" ||
    reason === "copy-failed"
  );
}

/** A timeout is in no id: the follower may have more patience than the builder had. */
function appliesTo(failure: StepFailure, step: Step): boolean {
  if (failure.reason !== "command-timed-out") return true;
  return step.op === "run" && (step.timeoutMs ?? Infinity) <= failure.timeoutMs;
}

/** Nothing but what this version writes: another one may share the store. */
function readFailure(value: unknown): StepFailure | undefined {
  if (!isObject(value)) return undefined;
  const { reason, exitCode, signal, timeoutMs, message, hint } = value;
  switch (reason) {
    case "command-failed":
      return {
        reason,
        ...(typeof exitCode === "number" ? { exitCode } : {}),
        ...(typeof signal === "string" ? { signal } : {}),
      };
    case "command-timed-out":
      return typeof timeoutMs === "number" ? { reason, timeoutMs } : undefined;
    case "guest-setup-failed":
      return typeof message === "string" && typeof hint === "string"
        ? { reason, message, hint }
        : undefined;
    case "copy-failed":
      return typeof message === "string" ? { reason, message } : undefined;
    default:
      return undefined;
  }
}

function readKept(value: unknown): KeptMachine | undefined {
  if (!isObject(value)) return undefined;
  const { pid, sshCommand } = value;
  return typeof pid === "number" && typeof sshCommand === "string"
    ? { pid, sshCommand }
    : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
