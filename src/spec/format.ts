import { ok, type Result } from "../result.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { LayoutPrinter } from "./layout-printer.ts";
import { readSexp } from "./reader.ts";
import type { SourceText } from "./source.ts";

/**
 * The canonical layout of a spec, or of any S-expression, for it need not decode. Formatting the result
 * again changes nothing, and it reads as the same S-expression with the same comments.
 *
 * - A list goes on one line when it fits in 90 columns and holds nothing that needs lines of its own.
 * - Else its first item follows the `(`, and each list in it starts a line, indented by one. Atoms
 *   that follow each other share lines; a word behind the first stays with it however long it is.
 *   A stage, that is `((build …) (from …) OP …)`, is always laid out like this.
 * - Comments stay behind what they followed on its line, or else keep lines of their own.
 * - Of several empty lines one stays. Atoms are kept as they were written, strings of several lines
 *   with their line structure, for which they get a line of their own.
 *
 * Fails only where `readSexp` fails.
 */
export function formatSpec(source: SourceText): Result<string, Diagnostic[]> {
  const document = readSexp(source);
  if (!document.ok) return document;
  const printer = new LayoutPrinter(source.text);
  printer.printDocument(document.value);
  return ok(printer.text());
}
