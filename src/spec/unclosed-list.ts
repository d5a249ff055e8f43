import { Lexer } from "./lexer.ts";
import { lineAndColumn, placeName } from "./line-and-column.ts";
import { Problems } from "./problems.ts";

/**
 * Where the author's indentation says that a `)` is missing, as a hint; undefined when it does not say.
 *
 * The suspect is the innermost list that some later line, by standing no further right than the list's
 * `(`, does not belong to. The outermost list is never suspected: many write a spec flush left.
 */
export function indentationHint(text: string): string | undefined {
  const lexer = new Lexer(text, new Problems({ name: "", text }));
  const lines = new LineStarts(text);
  const open: { readonly start: number; readonly column: number }[] = [];
  for (;;) {
    const { kind, range } = lexer.next();
    if (kind === "end" || kind === "unfinished") return undefined;
    const { column, isFirst } = lines.place(range.start);
    if (isFirst && (kind === "open" || kind === "atom")) {
      const suspect = open.findLast((list, depth) => depth > 0 && list.column >= column);
      if (suspect !== undefined) {
        const { line } = lineAndColumn(text, range.start);
        return `perhaps the list at ${placeName(text, suspect.start)} should end before line ${line}`;
      }
    }
    if (kind === "open") open.push({ start: range.start, column });
    else if (kind === "close") open.pop();
  }
}

/** Columns of ascending offsets, in linear time. */
class LineStarts {
  readonly #text: string;
  #lineStart = 0;
  #nextLineFeed: number;
  #contentSeen = false;

  constructor(text: string) {
    this.#text = text;
    this.#nextLineFeed = text.indexOf("\n");
  }

  /** The column (from 0) and whether no earlier offset asked for was on the same line. */
  place(offset: number): { readonly column: number; readonly isFirst: boolean } {
    while (this.#nextLineFeed !== -1 && this.#nextLineFeed < offset) {
      this.#lineStart = this.#nextLineFeed + 1;
      this.#nextLineFeed = this.#text.indexOf("\n", this.#lineStart);
      this.#contentSeen = false;
    }
    const isFirst = !this.#contentSeen;
    this.#contentSeen = true;
    return { column: offset - this.#lineStart, isFirst };
  }
}
