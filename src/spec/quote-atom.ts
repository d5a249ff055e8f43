import { unprintable } from "./unprintable.ts";

/** Blanks, parentheses and the like end an unquoted atom; a backslash in it is legal but reads like an escape. */
const needsQuotes = /^$|[ ()";\\]|#\||\|#/u;

const escaped = new RegExp(`["\\\\]|${unprintable.source}`, "gu");

const namedEscapes = new Map([
  ['"', '\\"'],
  ["\\", "\\\\"],
  ["\n", "\\n"],
  ["\t", "\\t"],
  ["\r", "\\r"],
  ["\b", "\\b"],
]);

/**
 * One atom as a spec spells it: bare where that reads back as the same text, else quoted on one line.
 *
 * The rules are those of Sexplib's printer, except that printable characters beyond ASCII stay as
 * they are. What comes out is safe to show on a terminal and is read back unchanged by `readSexp`,
 * unless the text holds a NUL or half a surrogate pair, which no atom can.
 */
export function quoteAtom(text: string): string {
  if (!needsQuotes.test(text) && !unprintable.test(text)) return text;
  return `"${text.replaceAll(escaped, escapeCharacter)}"`;
}

/** An atom as messages spell it, cut to a length that fits in a line. */
export function clippedAtom(text: string): string {
  const longest = 40;
  if (text.length <= longest) return quoteAtom(text);
  const start = Array.from(text.slice(0, longest)).slice(0, -1).join("");
  return quoteAtom(`${start}…`);
}

/** The same in backquotes. */
export function atomInMessage(text: string): string {
  return `\`${clippedAtom(text)}\``;
}

function escapeCharacter(character: string): string {
  return namedEscapes.get(character) ?? byteEscapes(character);
}

function byteEscapes(character: string): string {
  let escapes = "";
  for (const byte of new TextEncoder().encode(character)) {
    escapes += `\\${String(byte).padStart(3, "0")}`;
  }
  return escapes;
}
