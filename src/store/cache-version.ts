/** The versions of one cache as directories: finding the newest, taking the next name, removing old ones. */
import { type FileHandle, open, readdir, rename, rm } from "node:fs/promises";
import { basename } from "node:path";
import { errorCode } from "./fs-failure.ts";
import { type CacheVersionPaths, diskName, type StoreLayout } from "./layout.ts";
import { newOwner } from "./owner.ts";

/** What the version that counts holds. */
export type CacheContent =
  /** Open for reading; it stays so when the version is removed. */
  | {
      readonly form: "tar";
      readonly handle: FileHandle;
      readonly path: string;
      readonly sizeBytes: number;
    }
  /** So many files, each an overlay on the one before; {@link linkDisk} takes hold of them. */
  | { readonly form: "disk"; readonly paths: CacheVersionPaths; readonly count: number };

/**
 * Makes the directory `dir` the version in `paths`, in one step; false when there is such a version.
 *
 * A rename onto a directory that is not empty fails (rename(2)), and no version is ever empty.
 */
export async function claimVersion(dir: string, paths: CacheVersionPaths): Promise<boolean> {
  try {
    await rename(dir, paths.dir);
    return true;
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOTEMPTY" || code === "EEXIST") {
      return false;
    }
    throw error;
  }
}

/**
 * Whether the version just made is the one that counts; if not, removes it.
 *
 * A free name is not proof enough: others may have published this version and a later one, and removed
 * this one as old, before it was made again here.
 */
export async function isNewest(
  layout: StoreLayout,
  dirName: string,
  version: number,
): Promise<boolean> {
  if ((await versionsOf(layout, dirName)).at(-1) === version) {
    return true;
  }
  await removeVersion(layout, dirName, version);
  return false;
}

/** Removes every version before `version`. Those who have linked or opened one read on. */
export async function removeOlder(
  layout: StoreLayout,
  dirName: string,
  version: number,
): Promise<void> {
  for (const older of await versionsOf(layout, dirName)) {
    if (older < version) {
      await removeVersion(layout, dirName, older);
    }
  }
}

/**
 * Gives `use` the version that counts, 0 when there was never one, and its content, if it has any. Does so
 * again when the version goes meanwhile, which `use` learns by an ENOENT: it has a successor then.
 */
export async function withNewest<T>(
  layout: StoreLayout,
  dirName: string,
  use: (version: number, content: CacheContent | undefined) => Promise<T>,
): Promise<T> {
  for (;;) {
    const version = (await versionsOf(layout, dirName)).at(-1);
    if (version === undefined) {
      return use(0, undefined);
    }
    try {
      return await use(version, await contentOf(layout.cacheVersion(dirName, version)));
    } catch (error) {
      const isGone = errorCode(error) === "ENOENT";
      if (!isGone || (await versionsOf(layout, dirName)).at(-1) === version) {
        throw error;
      }
    }
  }
}

/** A directory that holds none of the forms, or only a part of a disk, has no content. */
async function contentOf(paths: CacheVersionPaths): Promise<CacheContent | undefined> {
  const names = new Set(await readdir(paths.dir));
  if (names.has(basename(paths.tarPath))) {
    const handle = await open(paths.tarPath, "r");
    const { size } = await handle.stat();
    return { form: "tar", handle, path: paths.tarPath, sizeBytes: size };
  }
  let count = 0;
  while (names.has(diskName(count))) {
    count++;
  }
  return count === 0 ? undefined : { form: "disk", paths, count };
}

/** In one step, so that nobody finds half a version; what a dead process left of it is cleared away. */
async function removeVersion(layout: StoreLayout, dirName: string, version: number): Promise<void> {
  const gone = layout.cacheStage(await newOwner()).dir;
  try {
    await rename(layout.cacheVersion(dirName, version).dir, gone);
  } catch (error) {
    if (errorCode(error) === "ENOENT") {
      return;
    }
    throw error;
  }
  await rm(gone, { recursive: true, force: true });
}

async function versionsOf(layout: StoreLayout, dirName: string): Promise<readonly number[]> {
  try {
    const entries = await readdir(layout.cache(dirName));
    return entries
      .filter((entry) => /^\d{12}$/.test(entry))
      .map((entry) => Number.parseInt(entry, 10))
      .sort((a, b) => a - b);
  } catch (error) {
    if (errorCode(error) === "ENOENT") {
      return [];
    }
    throw error;
  }
}
