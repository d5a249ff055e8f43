/** A failure in words: what happened, what helps to understand it, the way out, and the exit code. */
export interface Message {
  readonly text: string;
  /** Lines worth seeing, such as the tail of a serial log. */
  readonly detail?: string;
  readonly hint?: string;
  readonly exitCode: number;
}
