/** A text that was read from somewhere, as diagnostics name it. */
export interface SourceText {
  /** What messages call it: a path, or `<stdin>`. */
  readonly name: string;
  readonly text: string;
}

/** Half-open range of UTF-16 offsets into a source text. */
export interface SourceRange {
  readonly start: number;
  readonly end: number;
}
