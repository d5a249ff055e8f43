import type { Result } from "../result.ts";
import { type Failure, failureMessage } from "./render/failure-message.ts";
import { UserError } from "./user-error.ts";

/** The value of a result. @throws UserError with the failure in words */
export function orThrow<T>(result: Result<T, Failure>): T {
  if (result.ok) return result.value;
  throw userError(result.error);
}

/** A failure as an error for the user; `about` is what it was about, put before the message. */
export function userError(failure: Failure, about = ""): UserError {
  const { text, exitCode, hint, detail } = failureMessage(failure);
  return new UserError(`${about}${text}`, {
    exitCode,
    ...(hint === undefined ? {} : { hint }),
    ...(detail === undefined ? {} : { detail }),
  });
}
