import { decodeText } from "../spec/decode-text.ts";
import type { Diagnostic } from "../spec/diagnostic.ts";
import { parseSpec } from "../spec/parse-spec.ts";
import { renderDiagnostic } from "../spec/render-diagnostic.ts";
import { unknownNetworks } from "../spec/network.ts";
import type { SourceText } from "../spec/source.ts";
import type { Spec } from "../spec/spec.ts";
import { maxTextLength } from "../spec/text-limit.ts";
import { exitCode } from "./exit-code.ts";
import { readBytes } from "./read-bytes.ts";
import { wantsColor } from "./render/style.ts";
import { UserError } from "./user-error.ts";

/**
 * A spec's text, out of a regular file or a pipe; `-` is standard input. Stops reading soon after the
 * most a spec may have.
 *
 * @throws UserError when it cannot be read or is no text
 */
export async function readSource(path: string): Promise<SourceText> {
  const name = path === "-" ? "<stdin>" : path;
  const bytes = await readBytes(path, "a spec", maxTextLength);
  const decoded = decodeText(bytes, name);
  if (!decoded.ok) throw wrongSpec(name, decoded.error);
  return decoded.value;
}

/** Reads a whole spec and says its warnings. @throws UserError after printing what is wrong with it */
export async function readSpec(path: string): Promise<{ source: SourceText; spec: Spec }> {
  const source = await readSource(path);
  const parsed = parseSpec(source);
  if (!parsed.ok) throw wrongSpec(source.name, parsed.error);
  const { spec, warnings } = parsed.value;
  // A plan refuses these, which tells them again.
  const refused = new Set(unknownNetworks(spec).map(({ range }) => range.start));
  printDiagnostics(warnings.filter(({ range }) => !refused.has(range.start)));
  return { source, spec };
}

/** Writes diagnostics to standard error. */
export function printDiagnostics(diagnostics: readonly Diagnostic[]): void {
  const color = wantsColor(process.stderr, process.env);
  for (const diagnostic of diagnostics) {
    process.stderr.write(`${renderDiagnostic(diagnostic, { color })}\n`);
  }
}

/** Prints what is wrong with a spec and gives the error that ends the command. */
export function wrongSpec(name: string, diagnostics: readonly Diagnostic[]): UserError {
  printDiagnostics(diagnostics);
  const errors = diagnostics.filter(({ severity }) => severity === "error").length;
  return new UserError(`${name} has ${errors} ${errors === 1 ? "error" : "errors"}`, {
    exitCode: exitCode.badInput,
  });
}
