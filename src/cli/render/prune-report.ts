import { formatByteSize } from "../../profile/byte-size.ts";
import { shortId } from "../../plan/plan-text.ts";
import type { PruneItem, PruneReport } from "../../store/upkeep.ts";
import { columns } from "../output.ts";
import { clip } from "./clip.ts";
import { age } from "./units.ts";

const words: Record<PruneItem["kind"], readonly [one: string, many: string]> = {
  machine: ["suspended machine", "suspended machines"],
  layer: ["layer", "layers"],
  image: ["base image file", "base image files"],
  "failed-log": ["log of a failed step", "logs of failed steps"],
  download: ["download", "downloads"],
  cache: ["cache", "caches"],
};

/** What a prune removed or would remove, in its order, and what that comes to. */
export function pruneTable(
  { removed, freedBytes }: PruneReport,
  {
    dryRun,
    nowMs,
    width,
  }: { readonly dryRun: boolean; readonly nowMs: number; readonly width: number },
): string {
  const summary = `${dryRun ? "would free" : "freed"} ${formatByteSize(freedBytes)}`;
  if (removed.length === 0) return `${summary}: there is nothing to remove\n`;
  const rows = removed.map(({ kind, name, heading = "", usedAtMs, bytes }) => [
    words[kind][0],
    nameOf(kind, name),
    age(nowMs - usedAtMs),
    formatByteSize(bytes),
    heading,
  ]);
  const table = columns([["WHAT", "NAME", "USED", "FREES", "STEP"], ...rows]);
  const lines = table.split("\n").map((line) => clip(line, width));
  return `${lines.join("\n")}${summary}: ${counts(removed)}\n`;
}

function nameOf(kind: PruneItem["kind"], name: string): string {
  if (kind === "cache") return name;
  return kind === "download" ? clip(name, 24) : shortId(name);
}

function counts(removed: readonly PruneItem[]): string {
  return Object.entries(words)
    .map(([kind, [one, many]]) => {
      const count = removed.filter((item) => item.kind === kind).length;
      return count === 0 ? "" : `${count} ${count === 1 ? one : many}`;
    })
    .filter((text) => text !== "")
    .join(", ");
}
