import type { SourceRange } from "./source.ts";
import type { Problems } from "./problems.ts";

/** A string that ended, with what it means. */
export interface QuotedString {
  /** Offset after the closing quote. */
  readonly end: number;
  readonly text: string;
}

const backslash = "\\";
const special = /["\\]/g;
const decimalEscape = /\\(\d{1,3})/y;
const hexEscape = /\\x([\da-fA-F]{0,2})/y;
const lineContinuation = /\\\r?\n[ \t]*/y;

const simpleEscapes = new Map([
  ["n", "\n"],
  ["r", "\r"],
  ["b", "\b"],
  ["t", "\t"],
  [backslash, backslash],
  ["'", "'"],
  ['"', '"'],
]);

/**
 * Reads a quoted string from the offset after its opening quote; undefined when the text ends in it.
 *
 * The escapes are those of the reader behind Sexplib's `load_sexp` (Parsexp's automaton), which
 * differs from Sexplib's ocamllex lexer: a backslash before any other character, a blank too, stays
 * in the text, and incomplete `\DDD` and `\xHH` are errors. Byte escapes that stand together are
 * decoded as UTF-8. Bad escapes, bytes that are not UTF-8 and NULs are added to `problems`.
 */
export function scanQuotedString(
  text: string,
  start: number,
  problems: Problems,
): QuotedString | undefined {
  const bytes = new ByteRun(problems);
  let meaning = "";
  let at = start;
  for (;;) {
    special.lastIndex = at;
    const next = special.exec(text)?.index;
    if (next === undefined) return undefined;
    if (next > at) meaning += bytes.flush() + plainText(text, at, next, problems);
    if (text[next] === '"') return { end: next + 1, text: meaning + bytes.flush() };

    const escape = scanEscape(text, next, problems);
    if (escape === undefined) return undefined;
    if (typeof escape.means === "number") bytes.add(escape.means, { start: next, end: escape.end });
    else meaning += bytes.flush() + escape.means;
    at = escape.end;
  }
}

/**
 * Skips a quoted string inside a block comment: it hides comment marks, and only malformed byte
 * escapes are errors there. Returns the offset after the closing quote.
 */
export function skipQuotedString(
  text: string,
  start: number,
  problems: Problems,
): number | undefined {
  let at = start;
  for (;;) {
    special.lastIndex = at;
    const next = special.exec(text)?.index;
    if (next === undefined) return undefined;
    if (text[next] === '"') return next + 1;
    const escape = scanEscape(text, next, problems);
    if (escape === undefined) return undefined;
    at = escape.end;
  }
}

/** What one escape stands for: text, or a byte of a UTF-8 sequence. */
interface Escape {
  readonly end: number;
  readonly means: string | number;
}

function scanEscape(text: string, start: number, problems: Problems): Escape | undefined {
  const character = text[start + 1];
  if (character === undefined) return undefined;
  if (character === "\n" || character === "\r") return scanLineEnd(text, start);
  if (character >= "0" && character <= "9") return scanDecimal(text, start, problems);
  if (character === "x") return scanHex(text, start, problems);
  const means = simpleEscapes.get(character) ?? backslash + character;
  return { end: start + 2, means };
}

/** A lone carriage return loses its backslash but starts no continuation: so the automaton has it. */
function scanLineEnd(text: string, start: number): Escape {
  lineContinuation.lastIndex = start;
  const continuation = lineContinuation.exec(text);
  if (continuation === null) return { end: start + 2, means: "\r" };
  return { end: start + continuation[0].length, means: "" };
}

function scanDecimal(text: string, start: number, problems: Problems): Escape {
  decimalEscape.lastIndex = start;
  const [lexeme = "", digits = ""] = decimalEscape.exec(text) ?? [];
  const end = start + lexeme.length;
  const value = Number(digits);
  if (digits.length < 3) {
    problems.error({ start, end }, "a decimal escape has three digits", literalBackslash);
    return { end, means: lexeme };
  }
  if (value > 255) {
    problems.error(
      { start, end },
      "a decimal escape goes from `\\000` to `\\255`",
      literalBackslash,
    );
    return { end, means: lexeme };
  }
  return { end, means: value };
}

function scanHex(text: string, start: number, problems: Problems): Escape {
  hexEscape.lastIndex = start;
  const [lexeme = "", digits = ""] = hexEscape.exec(text) ?? [];
  const end = start + lexeme.length;
  if (digits.length === 2) return { end, means: Number.parseInt(digits, 16) };
  problems.error({ start, end }, "a hexadecimal escape has two digits", literalBackslash);
  return { end, means: lexeme };
}

const literalBackslash = "write `\\\\` for a backslash";

/** Byte escapes that stand together: `\195\169` is one character. */
class ByteRun {
  readonly #problems: Problems;
  #bytes: number[] = [];
  #range: SourceRange = { start: 0, end: 0 };

  constructor(problems: Problems) {
    this.#problems = problems;
  }

  add(byte: number, range: SourceRange): void {
    if (byte === 0) reportNul(range, this.#problems);
    const { start } = this.#bytes.length === 0 ? range : this.#range;
    this.#range = { start, end: range.end };
    this.#bytes.push(byte);
  }

  /** The characters of the bytes so far, which are forgotten. */
  flush(): string {
    if (this.#bytes.length === 0) return "";
    const bytes = Uint8Array.from(this.#bytes);
    this.#bytes = [];
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      this.#problems.error(this.#range, "these escapes are not valid UTF-8", literalBackslash);
      return "";
    }
  }
}

function plainText(text: string, start: number, end: number, problems: Problems): string {
  const slice = text.slice(start, end);
  const nul = slice.indexOf("\0");
  if (nul !== -1) reportNul({ start: start + nul, end: start + nul + 1 }, problems);
  return slice;
}

/** No command line, environment or path can hold a NUL, so no atom may. */
export function reportNul(range: SourceRange, problems: Problems): void {
  problems.error(range, "a NUL character cannot be passed to a command");
}
