/** The versions of one cache as files: finding the newest, taking the next name. */
import { type FileHandle, open, readdir, rm, stat } from "node:fs/promises";
import { errorCode } from "./fs-failure.ts";
import type { StoreLayout } from "./layout.ts";

/** False when the name that `create` makes is taken. */
export async function claim(create: () => Promise<void>): Promise<boolean> {
  try {
    await create();
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST") {
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
  await rm(layout.cacheVersion(dirName, version), { force: true });
  return false;
}

/** Removes every version before `version`. Those who have one open read on. */
export async function removeOlder(
  layout: StoreLayout,
  dirName: string,
  version: number,
): Promise<void> {
  for (const older of await versionsOf(layout, dirName)) {
    if (older < version) {
      await rm(layout.cacheVersion(dirName, older), { force: true });
    }
  }
}

/** The version that counts, 0 when there was never one; no handle when it has no content. */
export async function openNewest(
  layout: StoreLayout,
  dirName: string,
): Promise<{
  readonly version: number;
  readonly handle?: FileHandle;
  readonly sizeBytes: number;
}> {
  for (;;) {
    const version = (await versionsOf(layout, dirName)).at(-1);
    if (version === undefined) {
      return { version: 0, sizeBytes: 0 };
    }
    const path = layout.cacheVersion(dirName, version);
    try {
      const { size } = await stat(path);
      return size === 0
        ? { version, sizeBytes: 0 }
        : { version, handle: await open(path, "r"), sizeBytes: size };
    } catch (error) {
      // A version that has gone has a successor.
      if (errorCode(error) !== "ENOENT") {
        throw error;
      }
    }
  }
}

async function versionsOf(layout: StoreLayout, dirName: string): Promise<readonly number[]> {
  try {
    const entries = await readdir(layout.cache(dirName));
    return entries
      .filter((entry) => /^\d{12}\.tar$/.test(entry))
      .map((entry) => Number.parseInt(entry, 10))
      .sort((a, b) => a - b);
  } catch (error) {
    if (errorCode(error) === "ENOENT") {
      return [];
    }
    throw error;
  }
}
