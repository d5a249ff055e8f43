/**
 * One character that a terminal acts on, reorders text by, or does not show: controls, lone surrogates,
 * line and paragraph separators, bidi marks, zero-width blanks. Joiners are left out, emoji need them.
 */
export const unprintable =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/u;

const allUnprintable = new RegExp(unprintable.source, "gu");

/** The text with each unprintable character replaced, for messages of one line. */
export function printable(text: string): string {
  return text.replaceAll(allUnprintable, "\ufffd");
}
