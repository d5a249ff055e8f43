/** S-expressions as they stand in a source text, with places and comments. */
import type { SourceRange, SourceText } from "./source.ts";

export type Sexp = SexpAtom | SexpList;

export interface SexpAtom {
  readonly kind: "atom";
  /** The meaning, with escapes resolved; never holds a NUL. */
  readonly text: string;
  readonly quoted: boolean;
  /** The whole lexeme, quotes included. */
  readonly range: SourceRange;
}

export interface SexpList {
  readonly kind: "list";
  readonly items: readonly Sexp[];
  /** The items with the comments between them, in the order of the text; `items` itself when there are none. */
  readonly content: readonly SexpElement[];
  /** From the opening to the closing parenthesis. */
  readonly range: SourceRange;
}

export type SexpElement = Sexp | SexpComment;

export type SexpComment = PlainComment | DatumComment;

/** `; …` without its line end, or `#| … |#` with the comments nested in it. */
export interface PlainComment {
  readonly kind: "line-comment" | "block-comment";
  readonly range: SourceRange;
}

/** `#;` and the S-expression that it comments out. */
export interface DatumComment {
  readonly kind: "datum-comment";
  /** Comments between `#;` and the S-expression; in `#; #; a b` the one of `a` precedes `b`. */
  readonly before: readonly SexpComment[];
  readonly datum: Sexp;
  readonly range: SourceRange;
}

/** One text that holds exactly one S-expression. */
export interface SexpDocument {
  readonly source: SourceText;
  readonly sexp: Sexp;
  /** `sexp` with the comments before and after it. */
  readonly content: readonly SexpElement[];
}
