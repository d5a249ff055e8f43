import type { FileChange } from "../../files/compare.ts";
import type { FileEntry } from "../../files/listing.ts";
import { printable } from "../../spec/unprintable.ts";
import { modeText } from "./mode-text.ts";

/** Unified diffs of contents by path. */
type ContentDiffs = ReadonlyMap<string, string> | undefined;

/** A line for each change, and below it what is different within the file. */
export function changesText(changes: readonly FileChange[], diffs?: ContentDiffs): string {
  return changes
    .flatMap((change) => [lineOf(change), ...linesOf(diffs?.get(change.path))])
    .map((line) => `${line}\n`)
    .join("");
}

/** An array of the changes, in which `diff` is what is different within the file. */
export function changesJson(changes: readonly FileChange[], diffs?: ContentDiffs): string {
  const told = changes.map((change) => {
    const diff = diffs?.get(change.path);
    return diff === undefined ? change : { ...change, diff };
  });
  return `${JSON.stringify(told, undefined, 2)}\n`;
}

/** A diff's lines, with the tabs that are in them. */
function linesOf(diff = ""): readonly string[] {
  const lines = diff.split("\n").slice(0, -1);
  return lines.map((line) => line.split("\t").map(printable).join("\t"));
}

function lineOf(change: FileChange): string {
  const path = printable(change.path);
  switch (change.change) {
    case "added":
      return `A ${path}  ${about(change.after)}`;
    case "removed":
      return `D ${path}`;
    case "modified": {
      const { before, after } = change;
      const what = change.differences.map((difference) => {
        switch (difference) {
          case "mode":
            return `mode ${octal(before)} -> ${octal(after)}`;
          case "owner":
            return `owner ${before.uid}:${before.gid} -> ${after.uid}:${after.gid}`;
          case "size":
            return `size ${before.sizeBytes} -> ${after.sizeBytes}`;
          case "target":
            return `leads to ${printable(before.target ?? "")} -> ${printable(after.target ?? "")}`;
          case "type":
            return `${before.type} -> ${after.type}`;
          case "content":
            return "content";
        }
      });
      return `M ${path}  ${what.join(", ")}`;
    }
  }
}

function about(entry: FileEntry): string {
  const facts = `${modeText(entry)} ${entry.uid}:${entry.gid}`;
  if (entry.target !== undefined) return `${facts} -> ${printable(entry.target)}`;
  return entry.type === "file" ? `${facts} ${entry.sizeBytes}` : facts;
}

function octal({ mode }: FileEntry): string {
  return mode.toString(8).padStart(4, "0");
}
