import { lstat, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { failed, ok, type Result } from "../result.ts";
import { nearest } from "../spec/did-you-mean.ts";
import type { ContextFailure } from "./failure.ts";
import { systemErrorCode } from "./file-system-error.ts";
import { type CopyableFileType, fileType, isCopyable } from "./file-type.ts";

/** Where a source is and what it is. */
export interface FoundSource {
  /** Relative to the context, normalised; `""` is the context itself. */
  readonly source: string;
  /** On the host. */
  readonly absolutePath: string;
  readonly type: CopyableFileType;
}

/**
 * Finds `path` (as a spec spells it: `/`-separated, a leading `/` means nothing) below `contextDir`.
 *
 * Nothing is followed out of the context: `..` and a symlink before the last component are refused. A
 * symlink as the last component is a source itself, unless the path ends in `/`.
 */
export async function findSource(
  contextDir: string,
  path: string,
): Promise<Result<FoundSource, ContextFailure>> {
  const context = await checkContext(contextDir);
  if (!context.ok) return context;
  const components = path.split("/").filter((name) => name !== "" && name !== ".");
  if (components.includes("..")) return failed({ reason: "leaves-context", path });
  if (path.includes("\0")) return failed({ reason: "source-missing", path });

  const source = components.join("/");
  const mustBeDirectory = /(?:^|\/)\.?$/.test(path);
  let type: CopyableFileType = "directory";
  for (const [index, name] of components.entries()) {
    const parent = components.slice(0, index).join("/");
    const here = parent === "" ? name : `${parent}/${name}`;
    const found = await lookAt(contextDir, parent, name, path);
    if (!found.ok) return found;
    type = found.value;
    const goesOn = mustBeDirectory || index < components.length - 1;
    if (!goesOn || type === "directory") continue;
    return type === "symlink"
      ? failed({ reason: "through-symlink", path, link: here })
      : failed({ reason: "not-a-directory", path, file: here });
  }
  return ok({ source, absolutePath: join(contextDir, source), type });
}

/** Fails when the build context itself is not a directory that can be looked into. */
export async function checkContext(contextDir: string): Promise<Result<void, ContextFailure>> {
  try {
    const stats = await stat(contextDir);
    return stats.isDirectory() ? ok() : failed({ reason: "context-not-a-directory", contextDir });
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOTDIR") return failed({ reason: "context-not-a-directory", contextDir });
    if (code === "ENOENT") return failed({ reason: "context-missing", contextDir });
    return failed({ reason: "unreadable", path: ".", code });
  }
}

async function lookAt(
  contextDir: string,
  parent: string,
  name: string,
  path: string,
): Promise<Result<CopyableFileType, ContextFailure>> {
  const here = parent === "" ? name : `${parent}/${name}`;
  try {
    const type = fileType(await lstat(join(contextDir, here)));
    return isCopyable(type) ? ok(type) : failed({ reason: "unsupported-file-type", path, type });
  } catch (error) {
    const code = systemErrorCode(error);
    if (code !== "ENOENT" && code !== "ENAMETOOLONG") {
      return failed({ reason: "unreadable", path: here, code });
    }
    const near = await nearestSibling(join(contextDir, parent), name);
    if (near === undefined) return failed({ reason: "source-missing", path });
    const suggestion = parent === "" ? near : `${parent}/${near}`;
    return failed({ reason: "source-missing", path, suggestion });
  }
}

/** A guess is worth no failure of its own: none when the directory cannot be listed. */
async function nearestSibling(directory: string, name: string): Promise<string | undefined> {
  const names = await readdir(directory).catch((): string[] => []);
  return nearest(name, names.sort());
}
