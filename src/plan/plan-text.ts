import { quoteAtom } from "../spec/quote-atom.ts";
import type { Plan } from "./plan.ts";
import type { Step, StepId } from "./step.ts";

/** Enough hex digits of an id to name a layer in any store of a sensible size. */
const SHORT_ID_LENGTH = 12;

/** How {@link planToText} lays out its rows. */
export interface PlanTextOptions {
  /** Columns a row may take, in characters; longer headings end in `…`. Default 100. */
  readonly width?: number;
}

/** The first 12 hex digits of an id, for people; as an argument it means the same layer. */
export function shortId(id: string): string {
  return id.slice(0, SHORT_ID_LENGTH);
}

/**
 * The plan for people: one row per step with its short id, `cached` or `to do`, and the directive.
 *
 * A nested build's steps are indented below a row `build NAME`. Rows end in a newline each.
 */
export function planToText(
  plan: Plan,
  isCached: (id: StepId) => boolean,
  { width = 100 }: PlanTextOptions = {},
): string {
  const rows: string[] = [];
  let build: readonly string[] = [];
  for (const step of plan.steps) {
    rows.push(...buildRows(build, step.build), stepRow(step, isCached(step.id)));
    build = step.build;
  }
  return rows.map((row) => `${clip(row, width)}\n`).join("");
}

/** A row for each build that `next` is in and `previous` was not. */
function buildRows(previous: readonly string[], next: readonly string[]): string[] {
  const firstNew = next.findIndex((name, depth) => name !== previous[depth]);
  if (firstNew === -1) return [];
  return next
    .slice(firstNew)
    .map((name, index) => `${indent(firstNew + index)}build ${quoteAtom(name)}`);
}

function stepRow({ id, build, heading }: Step, cached: boolean): string {
  return `${indent(build.length)}${shortId(id)}  ${cached ? "cached" : "to do "}  ${heading}`;
}

function indent(depth: number): string {
  return "  ".repeat(depth);
}

/** Counts code points, so that no surrogate pair is cut in two. */
function clip(row: string, width: number): string {
  if (row.length <= width) return row;
  const points = Array.from(row);
  return points.length <= width ? row : `${points.slice(0, Math.max(0, width - 1)).join("")}…`;
}
