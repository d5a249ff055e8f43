/** What is different between two lists of files. Pure. */
import { type FileEntry, type ListedEntry, plainEntry } from "./listing.ts";

/** In what a file differs. Times are none: they tell when, and not what. */
export type Difference = "type" | "mode" | "owner" | "size" | "target" | "content";

/** One path that is not the same on both sides. */
export type FileChange =
  | { readonly change: "added"; readonly path: string; readonly after: FileEntry }
  | { readonly change: "removed"; readonly path: string; readonly before: FileEntry }
  | {
      readonly change: "modified";
      readonly path: string;
      readonly before: FileEntry;
      readonly after: FileEntry;
      readonly differences: readonly Difference[];
    };

/** Paths on both sides whose contents have to be compared, since nothing else tells whether they are the same. */
export function undecided(
  before: readonly ListedEntry[],
  after: readonly ListedEntry[],
): readonly string[] {
  const others = byPath(before);
  return after.flatMap((entry) => {
    const other = others.get(entry.path);
    const isFile = other?.type === "file" && entry.type === "file";
    if (!isFile || other.sizeBytes !== entry.sizeBytes || entry.sizeBytes === 0) return [];
    return entry.identity !== undefined && entry.identity === other.identity ? [] : [entry.path];
  });
}

/**
 * What is different, in the order of paths. `hasChanged` tells of each of {@link undecided} whether its content is
 * another.
 */
export function compareFiles(
  before: readonly ListedEntry[],
  after: readonly ListedEntry[],
  hasChanged: (path: string) => boolean,
): readonly FileChange[] {
  const open = new Set(undecided(before, after));
  const old = byPath(before);
  const now = byPath(after);
  const changes: FileChange[] = [];
  for (const entry of before) {
    const { path } = entry;
    if (!now.has(path)) changes.push({ change: "removed", path, before: plainEntry(entry) });
  }
  for (const entry of after) {
    const { path } = entry;
    const other = old.get(path);
    if (other === undefined) {
      changes.push({ change: "added", path, after: plainEntry(entry) });
      continue;
    }
    const differences = differencesOf(other, entry, open.has(path) && hasChanged(path));
    if (differences.length === 0) continue;
    changes.push({
      change: "modified",
      path,
      before: plainEntry(other),
      after: plainEntry(entry),
      differences,
    });
  }
  return changes.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

function differencesOf(
  before: FileEntry,
  after: FileEntry,
  hasOtherContent: boolean,
): readonly Difference[] {
  if (before.type !== after.type) return ["type"];
  const isFile = after.type === "file";
  return [
    // A symlink has no mode of its own.
    ...(after.type !== "symlink" && before.mode !== after.mode ? (["mode"] as const) : []),
    ...(before.uid !== after.uid || before.gid !== after.gid ? (["owner"] as const) : []),
    ...(isFile && before.sizeBytes !== after.sizeBytes ? (["size"] as const) : []),
    ...(before.target !== after.target ? (["target"] as const) : []),
    ...(hasOtherContent ? (["content"] as const) : []),
  ];
}

function byPath(entries: readonly ListedEntry[]): ReadonlyMap<string, ListedEntry> {
  return new Map(entries.map((entry) => [entry.path, entry]));
}
