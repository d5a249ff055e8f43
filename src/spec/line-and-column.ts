const surrogatePair = /[\ud800-\udbff][\udc00-\udfff]/g;

/** A place as people and editors count it. */
export interface LineAndColumn {
  /** From 1; lines end with a line feed only, as Sexplib counts them. */
  readonly line: number;
  /** From 1, in code points. */
  readonly column: number;
}

/** Where `offset` (in UTF-16 units, clamped to the text) stands. */
export function lineAndColumn(text: string, offset: number): LineAndColumn {
  const end = Math.min(Math.max(offset, 0), text.length);
  let line = 1;
  let lineStart = 0;
  for (;;) {
    const lineFeed = text.indexOf("\n", lineStart);
    if (lineFeed === -1 || lineFeed >= end) break;
    line += 1;
    lineStart = lineFeed + 1;
  }
  return { line, column: codePoints(text.slice(lineStart, end)) + 1 };
}

/** `LINE:COLUMN` of an offset, for hints that point at a second place. */
export function placeName(text: string, offset: number): string {
  const { line, column } = lineAndColumn(text, offset);
  return `${line}:${column}`;
}

function codePoints(text: string): number {
  return text.length - (text.match(surrogatePair)?.length ?? 0);
}
