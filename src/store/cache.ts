/**
 * Caches: named, mutable, shared, and never locked.
 *
 * The content of a cache is one immutable file, `VERSION.tar`; the highest version counts. A lease
 * opens that file, and an open file stays readable when its name goes, so a reader needs no lock. New
 * content is written elsewhere, synced, and given the name "version leased + 1" by `link(2)`, which
 * fails if the name is taken: of all who started from one version exactly one succeeds, and the others
 * learn that they are stale. A process killed at any point leaves a whole old or a whole new version.
 *
 * Versions only grow. A cache is deleted by giving the next version no content, so that a lease from
 * before the deletion is stale as well, instead of bringing the deleted content back.
 */
import { link, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Result } from "../result.ts";
import { cacheDirName, parseCacheDirName } from "./cache-name.ts";
import { claim, isNewest, openNewest, removeOlder } from "./cache-version.ts";
import type { StoreContext } from "./durable.ts";
import type { StoreFailure } from "./failure.ts";
import { attempt } from "./fs-failure.ts";
import { readIfPresent } from "./json.ts";
import type { StoreLayout } from "./layout.ts";
import { newOwner } from "./owner.ts";
import type { CacheInfo, CacheLease } from "./store.ts";

const NAME_FILE = "name";

/** Takes a private view of cache `name`. */
export async function leaseCache(
  context: StoreContext,
  name: string,
): Promise<Result<CacheLease, StoreFailure>> {
  const { layout } = context;
  const dirName = cacheDirName(name);
  return attempt(layout.cache(dirName), async () => {
    const newContentPath = layout.cacheStage(await newOwner());
    const { version, handle, sizeBytes } = await openNewest(layout, dirName);
    let published = false;
    return {
      name,
      newContentPath,
      ...(handle === undefined ? {} : { content: { fd: handle.fd, sizeBytes } }),
      async publish() {
        if (published) {
          throw new Error(`Internal error: cache ${name} is published twice from one lease`);
        }
        published = true;
        return attempt(newContentPath, () =>
          publishVersion(context, name, version + 1, newContentPath),
        );
      },
      async [Symbol.asyncDispose]() {
        await handle?.close();
        await rm(newContentPath, { force: true });
      },
    };
  });
}

/** Every cache that has content. */
export async function readCaches(layout: StoreLayout): Promise<readonly CacheInfo[]> {
  const caches: CacheInfo[] = [];
  for (const entry of (await readdir(layout.cacheDir)).sort()) {
    const parsed = parseCacheDirName(entry);
    const name =
      parsed === "kept-in-file"
        ? await readIfPresent(join(layout.cache(entry), NAME_FILE))
        : parsed?.name;
    if (name === undefined) {
      continue;
    }
    const { handle, sizeBytes } = await openNewest(layout, entry);
    await handle?.close();
    if (handle !== undefined) {
      caches.push({ name, sizeBytes });
    }
  }
  return caches;
}

/** Empties a cache; `absent` when it had no content. Steps that hold a lease keep what they read. */
export async function emptyCache(
  context: StoreContext,
  name: string,
): Promise<Result<"deleted" | "absent", StoreFailure>> {
  const { layout, sync } = context;
  const dirName = cacheDirName(name);
  const dir = layout.cache(dirName);
  return attempt(dir, async () => {
    for (;;) {
      const { version, handle } = await openNewest(layout, dirName);
      await handle?.close();
      if (handle === undefined) {
        return "absent";
      }
      const path = layout.cacheVersion(dirName, version + 1);
      const taken = await claim(() => writeFile(path, "", { flag: "wx", mode: 0o600 }));
      if (taken && (await isNewest(layout, dirName, version + 1))) {
        await sync(dir);
        await removeOlder(layout, dirName, version + 1);
        return "deleted";
      }
    }
  });
}

async function publishVersion(
  context: StoreContext,
  name: string,
  version: number,
  newContentPath: string,
): Promise<"published" | "stale"> {
  const { layout, sync } = context;
  const dirName = cacheDirName(name);
  const dir = layout.cache(dirName);
  await sync(newContentPath);
  if ((await mkdir(dir, { recursive: true, mode: 0o700 })) !== undefined) {
    await sync(layout.cacheDir);
  }
  if (parseCacheDirName(dirName) === "kept-in-file") {
    await writeFile(join(dir, NAME_FILE), name, { mode: 0o600 });
  }
  const taken = await claim(() => link(newContentPath, layout.cacheVersion(dirName, version)));
  await rm(newContentPath);
  if (!taken || !(await isNewest(layout, dirName, version))) {
    return "stale";
  }
  await sync(dir);
  await removeOlder(layout, dirName, version);
  return "published";
}
