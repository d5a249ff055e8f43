import type { BuildFailure, FailedBuild } from "../build/failure.ts";
import { shortId } from "../plan/plan-text.ts";
import { lineAndColumn } from "../spec/line-and-column.ts";
import type { SourceText } from "../spec/source.ts";
import { exitCode } from "./exit-code.ts";
import { failureMessage } from "./render/failure-message.ts";
import { printError } from "./render/print-error.ts";
import { UserError } from "./user-error.ts";

/**
 * The end of a failed build as an error: for each failure which directive, where it stands, what happened, where to
 * look. Of several all but the last are printed; the exit code is the first one's.
 *
 * @param signalCode the exit code of the signal that ended the build, if one did
 */
export function buildError(
  { others, notBegun, ...first }: FailedBuild,
  source: SourceText,
  signalCode: number | undefined,
): UserError {
  const failures = [first, ...others];
  const errors = failures.map((failure) => stepError(failure, source, signalCode));
  const code = errors[0]?.exitCode ?? exitCode.internal;
  for (const error of errors.slice(0, -1)) printError(error);
  const last = errors.at(-1);
  if (last === undefined) throw new Error("Internal error: a failed build without a failure");
  const left = notBegun > 0 && errors.length > 1 ? [leftOut(notBegun)] : [];
  const detail = [...(last.detail === undefined ? [] : [last.detail]), ...left].join("\n");
  return new UserError(last.message, {
    exitCode: code,
    ...(detail === "" ? {} : { detail }),
    ...(last.hint === undefined ? {} : { hint: last.hint }),
  });
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
