/**
 * The files a guest handed out, as a tree in which every path has one meaning.
 */
import { failed, ok, type Result } from "../result.ts";
import type { TreeFailure } from "./failure.ts";
import type { TarMember } from "./tar-members.ts";

/** What there is at one path. Hard links are files of their own that share their content in the archive. */
export interface TreeEntry extends Omit<TarMember, "kind"> {
  readonly kind: Exclude<TarMember["kind"], "hard-link">;
}

/** Entries by their paths, as in {@link TarMember}. What lies above an entry is a directory, or not there at all. */
export type GuestTree = ReadonlyMap<string, TreeEntry>;

/** Lays the members on each other in order, as unpacking would. */
export function guestTree(members: readonly TarMember[]): Result<GuestTree, TreeFailure> {
  const tree = new Map<string, TreeEntry>();
  for (const member of members) {
    if (member.kind !== "hard-link") {
      tree.set(member.path, { ...member, kind: member.kind });
      continue;
    }
    const target = tree.get(member.linkTarget);
    if (target === undefined || target.kind === "directory")
      return invalid(`the hard link ${member.path} leads nowhere`);
    tree.set(member.path, { ...target, path: member.path });
  }
  for (const path of tree.keys()) {
    const parent = nearestAbove(tree, path);
    if (parent !== undefined && parent.kind !== "directory")
      return invalid(`${path} lies below ${parent.path}, which is no directory`);
  }
  return ok(tree);
}

/** By induction over all entries it is enough to look at the nearest. */
function nearestAbove(tree: GuestTree, path: string): TreeEntry | undefined {
  if (path === "") return undefined;
  for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
    const above = tree.get(path.slice(0, end));
    if (above !== undefined) return above;
  }
  return tree.get("");
}

/**
 * The entry at `source` and all below it, parents first. Entries below it that have one of the names in `exclude`
 * are left out with what they hold.
 *
 * @param source absolute in the guest
 */
export function subtree(
  tree: GuestTree,
  source: string,
  exclude: readonly string[] = [],
): Result<readonly TreeEntry[], TreeFailure> {
  const root = source.slice(1);
  const top = tree.get(root);
  if (top === undefined) return failed({ reason: "path-missing", path: source });
  const prefix = root === "" ? "" : `${root}/`;
  const excluded = new Set(exclude);
  const entries = [top];
  for (const entry of tree.values()) {
    if (entry === top || !entry.path.startsWith(prefix)) continue;
    const below = entry.path.slice(prefix.length);
    if (excluded.size > 0 && below.split("/").some((name) => excluded.has(name))) continue;
    entries.push(entry);
  }
  const special = entries.find(({ kind }) => kind === "special");
  if (special !== undefined) return failed({ reason: "special-file", path: `/${special.path}` });
  const directories = new Set(
    entries.flatMap(({ kind, path }) => (kind === "directory" ? path : [])),
  );
  const orphan = entries.find((entry) => entry !== top && !directories.has(parentOf(entry.path)));
  if (orphan !== undefined) return invalid(`${orphan.path} comes without its directory`);
  return ok(entries.sort((a, b) => (a.path < b.path ? -1 : 1)));
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function invalid(message: string): Result<never, TreeFailure> {
  return failed({ reason: "archive-invalid", message });
}
