import { scanBlockComment } from "./block-comment.ts";
import { placeName } from "./line-and-column.ts";
import type { Problems } from "./problems.ts";
import { reportNul, scanQuotedString } from "./quoted-string.ts";
import type { PlainComment, SexpAtom } from "./sexp.ts";
import type { SourceRange } from "./source.ts";

/** What the lexer gives: a whole atom or comment, or a mark. */
export type Token = SexpAtom | PlainComment | Mark;

/** `(`, `)`, `#;`, and the end of the text: reached, or inside an unfinished string or comment. */
export interface Mark {
  readonly kind: "open" | "close" | "datum-mark" | "end" | "unfinished";
  readonly range: SourceRange;
}

const lineEnd = /[\r\n]/g;
const unquoted = /[^;()" \t\f\r\n]+/y;
const suspectUnquoted = /#\||\|#|\0/;

/**
 * Cuts a text into tokens in one pass.
 *
 * The language is that of the reader behind Sexplib's `load_sexp` (Parsexp's automaton). What it would
 * refuse is added to `problems`, and the lexer goes on where it can still tell what was meant.
 */
export class Lexer {
  readonly #text: string;
  readonly #problems: Problems;
  #at = 0;
  #firstStringOverLines: number | undefined;

  constructor(text: string, problems: Problems) {
    this.#text = text;
    this.#problems = problems;
  }

  /** The next token; after `end` and `unfinished` there is only `end`. */
  next(): Token {
    this.#skipBlanks();
    const start = this.#at;
    switch (this.#text[start]) {
      case undefined:
        return { kind: "end", range: { start, end: start } };
      case "(":
        return this.#mark("open", 1);
      case ")":
        return this.#mark("close", 1);
      case '"':
        return this.#quoted(start);
      case ";":
        return this.#lineComment(start);
      case "#":
        if (this.#text[start + 1] === ";") return this.#mark("datum-mark", 2);
        if (this.#text[start + 1] === "|") return this.#blockComment(start);
        return this.#unquoted(start);
      default:
        return this.#unquoted(start);
    }
  }

  #skipBlanks(): void {
    const text = this.#text;
    for (;;) {
      const unit = text.charCodeAt(this.#at);
      if (unit === 0x0d && text[this.#at + 1] !== "\n") this.#reportLoneCarriageReturn();
      const isBlank =
        unit === 0x20 || unit === 0x0a || unit === 0x09 || unit === 0x0d || unit === 0x0c;
      if (!isBlank) return;
      this.#at += 1;
    }
  }

  #reportLoneCarriageReturn(): void {
    const range = { start: this.#at, end: this.#at + 1 };
    this.#problems.error(
      range,
      "a carriage return without a line feed",
      "end lines with a line feed",
    );
  }

  #mark(kind: "open" | "close" | "datum-mark", length: number): Mark {
    const start = this.#at;
    this.#at += length;
    return { kind, range: { start, end: this.#at } };
  }

  #unfinished(range: SourceRange): Mark {
    this.#at = this.#text.length;
    return { kind: "unfinished", range };
  }

  #quoted(start: number): Token {
    const found = scanQuotedString(this.#text, start + 1, this.#problems);
    if (found === undefined) {
      const range = { start, end: start + 1 };
      this.#problems.error(range, "this string has no closing quote", this.#earlierString());
      return this.#unfinished(range);
    }
    this.#at = found.end;
    if (this.#firstStringOverLines === undefined && found.text.includes("\n")) {
      const hasLineFeed = this.#text.slice(start, found.end).includes("\n");
      if (hasLineFeed) this.#firstStringOverLines = start;
    }
    return { kind: "atom", text: found.text, quoted: true, range: { start, end: found.end } };
  }

  /** A forgotten quote turns the text inside out, and the string left open is a later one. */
  #earlierString(): string | undefined {
    const start = this.#firstStringOverLines;
    if (start === undefined) return undefined;
    return `or the string at ${placeName(this.#text, start)} was meant to end on its line`;
  }

  #lineComment(start: number): PlainComment {
    lineEnd.lastIndex = start;
    this.#at = lineEnd.exec(this.#text)?.index ?? this.#text.length;
    return { kind: "line-comment", range: { start, end: this.#at } };
  }

  #blockComment(start: number): Token {
    const comment = scanBlockComment(this.#text, start, this.#problems);
    if (comment.closed) {
      this.#at = comment.end;
      return { kind: "block-comment", range: { start, end: comment.end } };
    }
    const range = { start, end: start + 2 };
    this.#problems.error(
      range,
      "this block comment is not closed",
      this.#openComment(start, comment),
    );
    return this.#unfinished(range);
  }

  #openComment(
    start: number,
    comment: { readonly innermostStart: number; readonly inString: boolean },
  ): string {
    if (comment.inString) return "there is a string without a closing quote in it";
    if (comment.innermostStart === start) return "expected `|#`";
    return `comments nest: the \`#|\` at ${placeName(this.#text, comment.innermostStart)} is open too`;
  }

  #unquoted(start: number): SexpAtom {
    unquoted.lastIndex = start;
    const text = unquoted.exec(this.#text)?.[0] ?? "";
    this.#at = start + text.length;
    const range = { start, end: this.#at };
    const suspect = suspectUnquoted.exec(text);
    if (suspect !== null) this.#reportSuspect(start + suspect.index, suspect[0], text);
    return { kind: "atom", text, quoted: false, range };
  }

  #reportSuspect(start: number, suspect: string, atom: string): void {
    const range = { start, end: start + suspect.length };
    if (suspect === "\0") {
      reportNul(range, this.#problems);
    } else if (atom.startsWith("|#")) {
      this.#problems.error(range, "`|#` ends no comment", "a block comment starts with `#|`");
    } else {
      const hint = "put a blank before a comment, or quotes around the text";
      this.#problems.error(range, `\`${suspect}\` inside an unquoted atom`, hint);
    }
  }
}
