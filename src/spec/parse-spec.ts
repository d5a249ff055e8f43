import { failed, ok, type Result } from "../result.ts";
import { decodeSpec } from "./decode.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { readSexp } from "./reader.ts";
import type { SexpDocument } from "./sexp.ts";
import type { SourceText } from "./source.ts";
import type { Spec } from "./spec.ts";

/** A valid spec, with what it was read from and what is suspicious in it. */
export interface ParsedSpec {
  readonly spec: Spec;
  readonly document: SexpDocument;
  readonly warnings: Diagnostic[];
}

/**
 * Reads, decodes and validates a spec: the one way from text to `Spec`.
 *
 * Fails with at least one error. Errors of syntax come alone, as no meaning can be looked for behind
 * them; else every error of the text is given, with its warnings, in the order of the text.
 */
export function parseSpec(source: SourceText): Result<ParsedSpec, Diagnostic[]> {
  const document = readSexp(source);
  if (!document.ok) return document;
  const decoded = decodeSpec(document.value);
  if (!decoded.ok) return failed(decoded.error);
  return ok({ ...decoded.value, document: document.value });
}
