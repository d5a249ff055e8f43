import type { SexpElement } from "./sexp.ts";

/** What the layout of an element depends on, all of it unchanged by formatting. */
export class LayoutMeasure {
  readonly #source: string;

  constructor(source: string) {
    this.#source = source;
  }

  /**
   * The element as the author wrote it. In comments, line ends become line feeds and blanks at the end
   * of a line comment go; in strings both have a meaning.
   */
  lexeme({ kind, range }: SexpElement): string {
    const text = this.#source.slice(range.start, range.end);
    if (kind === "atom") return text;
    const unix = text.replaceAll("\r\n", "\n");
    return kind === "line-comment" ? unix.trimEnd() : unix;
  }

  /** Whether the element is on one line as the author wrote it. */
  isOneLine({ range }: SexpElement): boolean {
    return !this.#source.slice(range.start, range.end).includes("\n");
  }

  /** How many line ends the author put between two elements that follow each other. */
  lineFeedsBetween(before: SexpElement, after: SexpElement): number {
    return this.#source.slice(before.range.end, after.range.start).split("\n").length - 1;
  }

  /**
   * The width of the element on one line, or more than `limit` when it is wider or cannot be on one:
   * for a line comment, a string or comment of several lines, or a comment that has a line of its own.
   * Looks no further than `limit`, so that nested lists can be measured at each level.
   */
  flatWidth(element: SexpElement, limit: number): number {
    if (limit < 0 || element.kind === "line-comment") return Infinity;
    if (element.kind === "datum-comment" && element.before.length === 0) {
      return 2 + this.flatWidth(element.datum, limit - 2);
    }
    if (element.kind !== "list") {
      const length = element.range.end - element.range.start;
      return length <= limit && this.isOneLine(element) ? length : Infinity;
    }
    let width = 2;
    let before: SexpElement | undefined;
    for (const item of element.content) {
      if (before !== undefined) width += 1;
      if (before !== undefined && this.#isOnOwnLine(before, item)) return Infinity;
      width += this.flatWidth(item, limit - width);
      if (width > limit) return Infinity;
      before = item;
    }
    return width;
  }

  /** The element on one line, for one that has a width there. */
  flatText(element: SexpElement): string {
    if (element.kind === "datum-comment" && element.before.length === 0) {
      return `#;${this.flatText(element.datum)}`;
    }
    if (element.kind !== "list") return this.lexeme(element);
    return `(${element.content.map((item) => this.flatText(item)).join(" ")})`;
  }

  #isOnOwnLine(before: SexpElement, element: SexpElement): boolean {
    return element.kind === "block-comment" && this.lineFeedsBetween(before, element) > 0;
  }
}
