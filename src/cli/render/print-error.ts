import { printable } from "../../spec/unprintable.ts";
import type { UserError } from "../user-error.ts";
import { type Style, styleFor, wantsColor } from "./style.ts";

type ErrorParts = Pick<UserError, "message" | "detail" | "hint">;

/** Writes an error for its user to standard error, see {@link renderError}. */
export function printError(error: ErrorParts): void {
  process.stderr.write(renderError(error, styleFor(wantsColor(process.stderr, process.env))));
}

/** Writes one line about what has not failed the command to standard error. */
export function printWarning(message: string): void {
  const style = styleFor(wantsColor(process.stderr, process.env));
  process.stderr.write(`${style.yellow(`warning: ${printable(message)}`)}\n`);
}

/**
 * `vmbuild: …`, details, and the way out. What a terminal would act on is replaced, as it may come from
 * a file's name or a program's output; only the details have lines and tabs of their own.
 */
export function renderError({ message, detail = "", hint }: ErrorParts, style: Style): string {
  const lines = [`${style.red(style.bold("vmbuild:"))} ${printable(message)}`];
  if (detail !== "")
    lines.push(...detail.split(/\r?\n/).map((line) => `  ${printableDetail(line)}`));
  if (hint !== undefined) lines.push(`  ${style.bold("hint:")} ${printable(hint)}`);
  return `${lines.join("\n")}\n`;
}

function printableDetail(line: string): string {
  return line.split("\t").map(printable).join("\t");
}
