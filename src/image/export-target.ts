import type { Stats } from "node:fs";
import { open, readdir, readlink, realpath, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { failed, ok, type Result } from "../result.ts";
import { errorCode, errorText } from "../store/fs-failure.ts";
import { identifyProcess, livenessOf, newOwner, parseOwner } from "../store/owner.ts";
import { fileKind } from "../store/regular-file.ts";
import type { ImageFailure } from "./failure.ts";

/** Where an image is really written. */
export interface ExportTarget {
  /** Absolute, without symlinks: a regular file, or nothing yet. */
  readonly path: string;
  /** A free name in the same directory; short, so that whatever name the image has, this one fits. */
  readonly stagedPath: string;
}

/** What a staged name begins with; its owner follows. */
const stagedPrefix = ".vmbuild-";

/** As many symlinks in a row as Linux follows. */
const MAX_LINKS = 40;

/**
 * Finds out where an image for `path` (absolute) is to be written and that it can be: a symlink is
 * followed, also to a file that is not there yet; anything but a regular file is refused, since the
 * image would take its place. Leaves nothing behind.
 */
export async function exportTarget(path: string): Promise<Result<ExportTarget, ImageFailure>> {
  const refused = (message: string): Result<never, ImageFailure> =>
    failed({ reason: "export-target-unusable", path, message });
  try {
    const followed = await follow(path);
    if (followed === undefined) return refused("it is a symlink that leads in a circle");
    const { target, stats } = followed;
    if (stats !== undefined && !stats.isFile()) {
      return refused(`it is ${fileKind(stats)}, not a regular file`);
    }
    const dir = dirname(target);
    const dirStats = await statIfPresent(dir);
    if (dirStats === undefined) return refused(`there is no directory ${dir}`);
    if (!dirStats.isDirectory()) return refused(`${dir} is not a directory`);
    const realDir = await realpath(dir);
    await removeLeftOvers(realDir);
    const stagedPath = join(realDir, `${stagedPrefix}${await newOwner()}`);
    return (
      (await canCreate(stagedPath, path)) ??
      ok({ path: join(realDir, basename(target)), stagedPath })
    );
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENAMETOOLONG") return refused("the name is too long for its file system");
    if (code === "ENOTDIR") return refused("a part of the path before the last is not a directory");
    if (code === undefined) throw error;
    return failed({ reason: "export-failed", path, message: errorText(error) });
  }
}

/**
 * Removes what processes that were killed have staged in a directory. Other hosts may write there, too, so only those of
 * this boot are judged.
 */
async function removeLeftOvers(dir: string): Promise<void> {
  const self = await identifyProcess(process.pid);
  const entries = await readdir(dir).catch(() => []);
  for (const entry of entries) {
    if (!entry.startsWith(stagedPrefix)) continue;
    const owner = parseOwner(entry.slice(stagedPrefix.length));
    if (owner === undefined || owner.bootId !== self?.bootId) continue;
    // Who may not remove it can still write.
    if ((await livenessOf(owner)) === "ended") await rm(join(dir, entry)).catch(() => {});
  }
}

/** What `path` leads to, and its facts when it is there; undefined for symlinks without an end. */
async function follow(
  path: string,
): Promise<{ readonly target: string; readonly stats: Stats | undefined } | undefined> {
  let target = path;
  for (let links = 0; links < MAX_LINKS; links++) {
    const link = await readlink(target).catch((error: unknown) => {
      // EINVAL is what is there and no symlink.
      const code = errorCode(error);
      if (code === "EINVAL" || code === "ENOENT") return undefined;
      throw error;
    });
    if (link === undefined) return { target, stats: await statIfPresent(target) };
    target = resolve(await realpath(dirname(target)), link);
  }
  return undefined;
}

async function statIfPresent(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * By doing it: what access(2) says is not what a read-only or remote file system, or an immutable
 * directory, does. Undefined when it can.
 */
async function canCreate(
  stagedPath: string,
  path: string,
): Promise<Result<never, ImageFailure> | undefined> {
  try {
    await (await open(stagedPath, "wx", 0o600)).close();
    await rm(stagedPath);
    return undefined;
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    const message = `nothing can be created in ${dirname(stagedPath)} (${errorText(error)})`;
    return failed({ reason: "export-failed", path, message });
  }
}
