import { failed, ok, type Result } from "../result.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { Problems } from "./problems.ts";
import type { SourceText } from "./source.ts";
import { maxTextLength, tooLong } from "./text-limit.ts";

const replacement = "\ufffd";

/**
 * The text of a spec file's bytes, without its byte order mark. `name` is what messages call it.
 *
 * Fails for bytes that are not UTF-8, at the first of them, and for more than 4 MiB.
 */
export function decodeText(bytes: Uint8Array, name: string): Result<SourceText, Diagnostic[]> {
  if (bytes.length > maxTextLength) {
    const problems = new Problems({ name, text: "" });
    tooLong(problems);
    return failed(problems.inOrder());
  }
  const text = new TextDecoder("utf-8").decode(bytes);
  const invalid = firstInvalid(bytes, text);
  if (invalid === undefined) return ok({ name, text });

  const problems = new Problems({ name, text });
  const byte = invalid.byte.toString(16).padStart(2, "0");
  const hint = "save the file as UTF-8";
  problems.error(
    { start: invalid.at, end: invalid.at + 1 },
    `this is not UTF-8 text: unexpected byte 0x${byte}`,
    isUtf16(bytes) ? `it looks like UTF-16; ${hint}` : hint,
  );
  return failed(problems.inOrder());
}

/** The first replacement character of `text` that does not stand in `bytes` itself. */
function firstInvalid(
  bytes: Uint8Array,
  text: string,
): { readonly at: number; readonly byte: number } | undefined {
  const mark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  let byteAt = mark;
  let textAt = 0;
  for (;;) {
    const at = text.indexOf(replacement, textAt);
    if (at === -1) return undefined;
    byteAt += Buffer.byteLength(text.slice(textAt, at));
    const isReplacement =
      bytes[byteAt] === 0xef && bytes[byteAt + 1] === 0xbf && bytes[byteAt + 2] === 0xbd;
    if (!isReplacement) return { at, byte: bytes[byteAt] ?? 0 };
    byteAt += 3;
    textAt = at + 1;
  }
}

function isUtf16(bytes: Uint8Array): boolean {
  const [first, second] = bytes;
  return (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
}
