/**
 * Ends a command with a message for its user. Thrown by commands, rendered by `main` alone.
 */
export class UserError extends Error {
  readonly exitCode: number;
  readonly hint: string | undefined;
  /** Lines that stand between the message and the hint, such as a log's tail. */
  readonly detail: string | undefined;

  constructor(
    message: string,
    options: { readonly exitCode: number; readonly hint?: string; readonly detail?: string },
  ) {
    super(message);
    this.name = "UserError";
    this.exitCode = options.exitCode;
    this.hint = options.hint;
    this.detail = options.detail;
  }
}
