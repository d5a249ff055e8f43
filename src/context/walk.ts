import { isUtf8 } from "node:buffer";
import { readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import type { ManifestDirectory, ManifestSymlink } from "../plan/manifest.ts";
import { failed, ok, type Result } from "../result.ts";
import type { ContextFailure } from "./failure.ts";
import { failureAfterListing } from "./file-system-error.ts";
import { type CopyableFileType, fileType, isCopyable } from "./file-type.ts";
import type { FoundSource } from "./find-source.ts";
import type { IgnoreRules } from "./ignore-file.ts";

/** A file that was listed and not yet read. */
export interface UnreadFile {
  readonly kind: "file";
  /** Relative to the source. */
  readonly path: string;
}

/** An entry of a manifest, but for the content of files. */
export type WalkedEntry = ManifestDirectory | ManifestSymlink | UnreadFile;

/** What is left out below a source. */
export interface LeftOut {
  /** Base names, at every depth. */
  readonly exclude: ReadonlySet<string>;
  readonly ignores: IgnoreRules;
}

/** What a walk needs to know besides where it stands. */
interface Walk {
  readonly root: FoundSource;
  readonly leftOut: LeftOut;
  readonly signal: AbortSignal;
  readonly entries: WalkedEntry[];
}

/**
 * Lists a source and everything below it except what is left out, each parent before its
 * children. Symlinks are read, never followed; files are not opened.
 */
export async function walkSource(
  root: FoundSource,
  leftOut: LeftOut,
  signal: AbortSignal,
): Promise<Result<readonly WalkedEntry[], ContextFailure>> {
  const walk: Walk = { root, leftOut, signal, entries: [] };
  const found = await addEntry(walk, "", root.type);
  if (!found.ok) return found;
  const pending = root.type === "directory" ? [""] : [];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    const below = await addChildren(walk, directory);
    if (!below.ok) return below;
    pending.push(...below.value.toReversed());
  }
  return ok(walk.entries);
}

/** Adds what is directly in `directory` and gives back the directories among it. */
async function addChildren(
  walk: Walk,
  directory: string,
): Promise<Result<readonly string[], ContextFailure>> {
  if (walk.signal.aborted) return failed({ reason: "cancelled" });
  const listed = await listDirectory(walk, directory);
  if (!listed.ok) return listed;
  const directories: string[] = [];
  for (const { name, type } of listed.value) {
    if (walk.leftOut.exclude.has(name)) continue;
    const path = directory === "" ? name : `${directory}/${name}`;
    if (walk.leftOut.ignores(contextPath(walk, path), type === "directory")) continue;
    if (!isCopyable(type)) {
      return failed({ reason: "unsupported-file-type", path: contextPath(walk, path), type });
    }
    const added = await addEntry(walk, path, type);
    if (!added.ok) return added;
    if (type === "directory") directories.push(path);
  }
  return ok(directories);
}

async function addEntry(
  walk: Walk,
  path: string,
  type: CopyableFileType,
): Promise<Result<void, ContextFailure>> {
  if (type !== "symlink") {
    walk.entries.push({ kind: type, path });
    return ok();
  }
  const inContext = contextPath(walk, path);
  try {
    const target = await readlink(join(walk.root.absolutePath, path), { encoding: "buffer" });
    if (!isUtf8(target)) {
      return failed({ reason: "not-utf8", path: inContext, what: "link-target" });
    }
    walk.entries.push({ kind: "symlink", path, target: target.toString() });
    return ok();
  } catch (error) {
    return failed(failureAfterListing(error, inContext));
  }
}

interface Listed {
  readonly name: string;
  readonly type: ReturnType<typeof fileType>;
}

/** The names are sorted, so that of several faults the same one is reported each time. */
async function listDirectory(
  walk: Walk,
  directory: string,
): Promise<Result<readonly Listed[], ContextFailure>> {
  const inContext = contextPath(walk, directory);
  const absolutePath = join(walk.root.absolutePath, directory);
  try {
    const dirents = await readdir(absolutePath, { withFileTypes: true });
    const listed = dirents.map((dirent) => ({ name: dirent.name, type: fileType(dirent) }));
    const bad = await firstBadName(absolutePath, listed);
    if (bad !== undefined) {
      const path = inContext === "." ? bad : `${inContext}/${bad}`;
      return failed({ reason: "not-utf8", path, what: "name" });
    }
    return ok(listed.sort((a, b) => (a.name < b.name ? -1 : 1)));
  } catch (error) {
    return failed(failureAfterListing(error, inContext));
  }
}

/** A bad byte is decoded to U+FFFD, which may also be in a good name: then the bytes tell. */
async function firstBadName(
  directory: string,
  listed: readonly Listed[],
): Promise<string | undefined> {
  if (!listed.some(({ name }) => name.includes("\uFFFD"))) return undefined;
  const names = await readdir(directory, { encoding: "buffer" });
  return names.find((name) => !isUtf8(name))?.toString();
}

/** `.` for the context itself: an empty path would leave a hole in a message. */
function contextPath({ root }: Walk, path: string): string {
  if (root.source === "") return path === "" ? "." : path;
  return path === "" ? root.source : `${root.source}/${path}`;
}
