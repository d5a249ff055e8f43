import type { SourceRange, SourceText } from "./source.ts";

/** One thing to say about a place in a spec. */
export interface Diagnostic {
  readonly severity: "error" | "warning";
  readonly source: SourceText;
  readonly range: SourceRange;
  /** What is wrong, in one sentence that starts in lower case and has no full stop. */
  readonly message: string;
  /** What was expected, a "did you mean", or the way out. */
  readonly hint?: string;
}
