/**
 * How text is written into a Dockerfile so that Docker reads back that text and nothing else: its
 * parser, word lexer and flag splitter each have rules of their own.
 */

/** What escapes a character and continues a line: `\`, or the backtick of `#escape`. */
export type EscapeToken = "\\" | "`";

/** The JSON form of an instruction's arguments: the one that keeps blanks and line breaks. */
export function jsonForm(items: readonly string[]): string {
  return `[ ${items.map((item) => JSON.stringify(item)).join(", ")} ]`;
}

/** Between double quotes, as `ENV` values are; not for text with a line break, which none can hold. */
export function quotedWord(text: string, token: EscapeToken): string {
  return `"${escaped(text, `"$${token}`, token)}"`;
}

/** The whole rest of a line, as `WORKDIR` and `USER` take it: bare where that reads back the same. */
export function restOfLine(text: string, token: EscapeToken): string {
  const isPlain = !/["'$<]|^\s|\s$|^--/u.test(text) && !text.includes(token);
  return isPlain ? text : quotedWord(text, token);
}

/** A word without quotes, for a place that splits words by other rules before it looks at them. */
export function escapedWord(text: string, token: EscapeToken): string {
  return escaped(text, `"'$<${token}`, token);
}

/** `--NAME=VALUE` of a value in which variables are replaced; ASCII only, Docker's splitter breaks others. */
export function flag(name: string, value: string, token: EscapeToken): string {
  return rawFlag(name, escapedWord(value, token), token);
}

/** `--mount=KEY=VALUE,…`: one line of CSV, in whose values variables are replaced; ASCII only. */
export function mountFlag(
  options: readonly (readonly [string, string])[],
  token: EscapeToken,
): string {
  const fields = options.map(([key, value]) => csvField(`${key}=${escapedWord(value, token)}`));
  return rawFlag("mount", fields.join(","), token);
}

function rawFlag(name: string, value: string, token: EscapeToken): string {
  const isPlain = !/["'\s]/u.test(value) && !value.includes(token);
  return `--${name}=${isPlain ? value : `"${escaped(value, `"${token}`, token)}"`}`;
}

function csvField(text: string): string {
  return /[",]|^\s/u.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function escaped(text: string, special: string, token: EscapeToken): string {
  let result = "";
  for (const character of text) result += (special.includes(character) ? token : "") + character;
  return result;
}
