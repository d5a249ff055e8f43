import type { Diagnostic } from "./diagnostic.ts";
import { lineAndColumn } from "./line-and-column.ts";
import { excerptOf } from "./source-excerpt.ts";
import { printable } from "./unprintable.ts";

export { lineAndColumn } from "./line-and-column.ts";

/**
 * A diagnostic as people read it, without a line end after the last line:
 *
 *     test.spec:3:7: error: unknown field `shel` in `run`
 *      3 | (run (shel "make"))
 *        |       ^~~~
 *       hint: did you mean `shell`?
 *
 * Only the first line of the range is shown, long ones cut around it. What a terminal would act on
 * is replaced, wherever it comes from. Colours are ANSI escapes, given only when asked for.
 */
export function renderDiagnostic(
  diagnostic: Diagnostic,
  options: { readonly color: boolean },
): string {
  const { severity, source, range, message, hint } = diagnostic;
  const paint = options.color ? withColor : withoutColor;
  const accent = severity === "error" ? "red" : "yellow";
  const { line, column } = lineAndColumn(source.text, range.start);
  const place = paint("bold", `${printable(source.name)}:${line}:${column}:`);
  const excerpt = excerptOf(source.text, range);
  const number = String(line);
  const gutter = " ".repeat(number.length);
  const lines = [
    `${place} ${paint(accent, `${severity}:`)} ${paint("bold", printable(message))}`,
    ` ${number} | ${excerpt.text}`.trimEnd(),
    ` ${gutter} | ${" ".repeat(excerpt.indent)}${paint(accent, excerpt.underline)}`,
  ];
  if (hint !== undefined) lines.push(`  ${paint("cyan", "hint:")} ${printable(hint)}`);
  return lines.join("\n");
}

const codes = { bold: "1", red: "1;31", yellow: "1;33", cyan: "36" };

function withColor(style: keyof typeof codes, text: string): string {
  return `\u001b[${codes[style]}m${text}\u001b[0m`;
}

function withoutColor(_style: keyof typeof codes, text: string): string {
  return text;
}
