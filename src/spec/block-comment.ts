import type { Problems } from "./problems.ts";
import { skipQuotedString } from "./quoted-string.ts";

/** How a block comment ended: where, or which of the nested ones are still open at the end of the text. */
export type BlockComment =
  | { readonly closed: true; readonly end: number }
  | { readonly closed: false; readonly innermostStart: number; readonly inString: boolean };

const special = /["#|]/g;

/**
 * Reads a block comment whose `#|` stands at `start`. They nest, and strings in them hide their marks,
 * as in Parsexp's automaton; of `#|#` no mark counts twice.
 */
export function scanBlockComment(text: string, start: number, problems: Problems): BlockComment {
  const openStarts = [start];
  let at = start + 2;
  let before = -1;
  for (;;) {
    const innermostStart = openStarts.at(-1) ?? start;
    special.lastIndex = at;
    const next = special.exec(text)?.index;
    if (next === undefined) return { closed: false, innermostStart, inString: false };
    const pair = before === next - 1 ? text.slice(before, next + 1) : "";
    at = next + 1;
    before = next;
    if (text[next] === '"') {
      const end = skipQuotedString(text, at, problems);
      if (end === undefined) return { closed: false, innermostStart, inString: true };
      at = end;
      before = -1;
    } else if (pair === "#|") {
      openStarts.push(next - 1);
      before = -1;
    } else if (pair === "|#") {
      openStarts.pop();
      before = -1;
      if (openStarts.length === 0) return { closed: true, end: at };
    }
  }
}
