import type { BuildFailure, FailedBuild } from "../build/failure.ts";
import { shortId } from "../plan/plan-text.ts";
import { lineAndColumn } from "../spec/line-and-column.ts";
import type { SourceText } from "../spec/source.ts";
import { exitCode } from "./exit-code.ts";
import { failureMessage } from "./render/failure-message.ts";
import { UserError } from "./user-error.ts";

/**
 * The end of a failed build as errors, one for each failure: which directive, where it stands, what happened, where to
 * look. All have the exit code of the first; the last says how much was not begun, when there are several.
 *
 * @param signalCode the exit code of the signal that ended the build, if one did
 */
export function buildErrors(
  { others, notBegun, ...first }: FailedBuild,
  source: SourceText,
  signalCode: number | undefined,
): readonly [...UserError[], UserError] {
  const cause = stepError(first, source, signalCode);
  const { exitCode: code } = cause;
  const errors = others.map((failure) => stepError(failure, source, signalCode));
  const last = errors.pop();
  if (last === undefined) return [cause];
  const left = notBegun === 0 ? [] : [leftOut(notBegun)];
  const detail = [...(last.detail === undefined ? [] : [last.detail]), ...left].join("\n");
  const end = new UserError(last.message, {
    exitCode: code,
    ...(detail === "" ? {} : { detail }),
    ...(last.hint === undefined ? {} : { hint: last.hint }),
  });
  return [cause, ...errors, end];
}

function leftOut(steps: number): string {
  return steps === 1 ? "one more step was not begun" : `${steps} more steps were not begun`;
}

function stepError(
  { step, failure, logId, kept }: BuildFailure,
  source: SourceText,
  signalCode: number | undefined,
): UserError {
  if (failure.reason === "cancelled") {
    return new UserError("cancelled; what was built so far is kept", {
      exitCode: signalCode ?? exitCode.internal,
    });
  }
  const { text, detail, hint, exitCode: code } = failureMessage(failure);
  const { line, column } = lineAndColumn(source.text, step.range.start);
  const lines = [
    ...(detail === undefined ? [] : [detail]),
    ...(logId === undefined ? [] : [`its output: vmbuild log ${shortId(logId)}`]),
    ...(kept === undefined
      ? []
      : [
          `its machine still runs; log in with`,
          `  ${kept.sshCommand}`,
          `and end it with`,
          `  kill ${kept.pid}`,
        ]),
  ];
  return new UserError(`${source.name}:${line}:${column}: ${text}`, {
    exitCode: code,
    ...(lines.length === 0 ? {} : { detail: lines.join("\n") }),
    ...(hint === undefined ? {} : { hint }),
  });
}
