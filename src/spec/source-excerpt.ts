import { displayWidth } from "./display-width.ts";
import type { SourceRange } from "./source.ts";
import { unprintable } from "./unprintable.ts";

/** The first line of a range, ready to be shown with its underline below. */
export interface Excerpt {
  /** The line or its part around the range, tabs expanded and unprintable characters replaced. */
  readonly text: string;
  /** Columns before the underline. */
  readonly indent: number;
  /** `^~~~` below what the range covers of the line; `^` for an empty range. */
  readonly underline: string;
}

/** Columns of the source that are shown; what is longer is cut with "…". */
const maxColumns = 100;
const columnsBefore = 30;
const tabWidth = 8;

/** More of the source than can be shown on either side; a line of megabytes is not measured whole. */
const reach = 250;

/** The excerpt that shows where `range` starts in `text`. */
export function excerptOf(text: string, range: SourceRange): Excerpt {
  const start = Math.min(range.start, text.length);
  const line = lineAround(text, start);
  const cells = cellsOf(text.slice(line.start, line.end));
  const first = cellAt(cells, start - line.start);
  const last = Math.max(cellAt(cells, Math.min(range.end, line.end) - line.start), first);
  const { from, to } = window(cells, first);
  const [left, right] = [from > 0 ? "…" : "", to < cells.length ? "…" : ""];
  const shownLast = Math.max(Math.min(last, to), first);
  const width = Math.max(columns(cells.slice(first, shownLast)), 1);
  return {
    text: left + cells.slice(from, to).map(shown).join("") + right,
    indent: left.length + columns(cells.slice(from, first)),
    underline: `^${"~".repeat(width - 1)}`,
  };
}

/** The line that holds an offset, without its end, or the part of it within reach. */
function lineAround(text: string, offset: number): SourceRange {
  const lineStart = offset === 0 ? 0 : text.lastIndexOf("\n", offset - 1) + 1;
  const lineFeed = text.indexOf("\n", offset);
  const lineEnd = lineFeed === -1 ? text.length : lineFeed;
  const hasReturn = lineEnd > lineStart && text[lineEnd - 1] === "\r" && lineEnd - 1 >= offset;
  return {
    start: Math.max(lineStart, offset - reach),
    end: Math.min(hasReturn ? lineEnd - 1 : lineEnd, offset + reach),
  };
}

/** One character of the source as it is shown. */
interface Cell {
  readonly shown: string;
  readonly width: number;
  /** Offset in the line after the character. */
  readonly end: number;
}

function cellsOf(line: string): Cell[] {
  const cells: Cell[] = [];
  let column = 0;
  let end = 0;
  for (const character of line) {
    end += character.length;
    const shown = showCharacter(character, column);
    const width = character === "\t" ? shown.length : displayWidth(shown);
    column += width;
    cells.push({ shown, width, end });
  }
  return cells;
}

function showCharacter(character: string, column: number): string {
  if (character === "\t") return " ".repeat(tabWidth - (column % tabWidth));
  return unprintable.test(character) ? "\ufffd" : character;
}

function shown(cell: Cell): string {
  return cell.shown;
}

/** The index of the cell that holds an offset of the line; their number when it is behind them. */
function cellAt(cells: readonly Cell[], offset: number): number {
  const index = cells.findIndex((cell) => cell.end > offset);
  return index === -1 ? cells.length : index;
}

function columns(cells: readonly Cell[]): number {
  return cells.reduce((sum, cell) => sum + cell.width, 0);
}

/** The cells to show: the whole line if it fits, else a part with some context before `first`. */
function window(
  cells: readonly Cell[],
  first: number,
): { readonly from: number; readonly to: number } {
  if (columns(cells) <= maxColumns) return { from: 0, to: cells.length };
  const from = first > columnsBefore * 2 ? first - columnsBefore : 0;
  let to = from;
  for (let width = 0; to < cells.length; to += 1) {
    width += cells[to]?.width ?? 0;
    if (width > maxColumns) break;
  }
  return { from, to };
}
