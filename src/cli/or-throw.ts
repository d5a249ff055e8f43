import type { Result } from "../result.ts";
import { type Failure, failureMessage } from "./render/failure-message.ts";
import { reportMessage } from "./render/report-message.ts";
import type { Message } from "./render/message.ts";
import type { TaskFailure } from "../task/failure.ts";
import { cancelledExitCode } from "./terminate.ts";
import { UserError } from "./user-error.ts";

/** The value of a result. @throws UserError with the failure in words */
export function orThrow<T>(result: Result<T, Failure>): T {
  if (result.ok) return result.value;
  throw userError(result.error);
}

/** A failure as an error for the user; `about` is what it was about, put before the message. */
export function userError(failure: Failure, about = ""): UserError {
  if (failure.reason === "cancelled") {
    return new UserError("cancelled", { exitCode: cancelledExitCode() });
  }
  const message = failureMessage(failure);
  return messageError({ ...message, text: `${about}${message.text}` });
}

/** As {@link userError}, of a guest that cloud-init configures. */
export function taskError(failure: TaskFailure): UserError {
  switch (failure.reason) {
    case "cloud-init-failed":
    case "cloud-init-silent":
    case "cloud-init-cut-off":
      return messageError(reportMessage(failure));
    default:
      return userError(failure);
  }
}

/** A message as an error for the user. */
function messageError({ text, exitCode, hint, detail }: Message): UserError {
  return new UserError(text, {
    exitCode,
    ...(hint === undefined ? {} : { hint }),
    ...(detail === undefined ? {} : { detail }),
  });
}
