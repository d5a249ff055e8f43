/**
 * Caches: named, mutable, shared, and never locked.
 *
 * The content of a cache is one immutable directory, `VERSION`; the highest version counts. A lease opens or
 * links the files in it, which stay readable when their names go, so a reader needs no lock. New content is
 * made elsewhere, synced, and given the name "version leased + 1" by rename(2), which fails if the name is
 * taken: of all who started from one version exactly one succeeds, and the others learn that they are stale.
 * A process killed at any point leaves a whole old or a whole new version.
 *
 * Content is a disk or a tar stream, as the guest that wrote it could; a lease gives either.
 *
 * Versions only grow. A cache is deleted by giving the next version no content, so that a lease from
 * before the deletion is stale as well, instead of bringing the deleted content back.
 */
import { mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Result } from "../result.ts";
import { linkDisk } from "./cache-disk.ts";
import { Lease, type MadeVersion } from "./cache-lease.ts";
import { cacheDirName, parseCacheDirName } from "./cache-name.ts";
import { claimVersion, isNewest, removeOlder, withNewest } from "./cache-version.ts";
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
    const stage = layout.cacheStage(await newOwner());
    await mkdir(stage.tar.dir, { recursive: true, mode: 0o700 });
    try {
      return await withNewest(layout, dirName, async (version, content) => {
        if (content?.form === "disk") {
          await linkDisk(content, stage.disk);
        }
        return new Lease(context, {
          name,
          stage,
          content,
          publish: (made) => publishVersion(context, name, version + 1, made),
        });
      });
    } catch (error) {
      await rm(stage.dir, { recursive: true, force: true });
      throw error;
    }
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
    const files = await withNewest(layout, entry, async (_, content) => {
      if (content === undefined) {
        return undefined;
      }
      if (content.form === "tar") {
        await content.handle.close();
      }
      return filesIn(dirname(content.form === "tar" ? content.path : content.paths.disk(0)));
    });
    if (files !== undefined) {
      caches.push({ name, sizeBytes: sumOf(files) });
    }
  }
  return caches;
}

/** What all caches take together, bytes on the disk; files that they share count once. */
export async function cacheBytes(layout: StoreLayout): Promise<number> {
  const files = new Map<number, number>();
  for (const entry of await readdir(layout.cacheDir)) {
    const versions = await readdir(layout.cache(entry)).catch(() => []);
    for (const version of versions) {
      for (const [inode, bytes] of await filesIn(join(layout.cache(entry), version))) {
        files.set(inode, bytes);
      }
    }
  }
  return sumOf(files);
}

/** Empties a cache; `absent` when it had no content. Steps that hold a lease keep what they read. */
export async function emptyCache(
  context: StoreContext,
  name: string,
): Promise<Result<"deleted" | "absent", StoreFailure>> {
  const { layout } = context;
  const dirName = cacheDirName(name);
  return attempt(layout.cache(dirName), async () => {
    for (;;) {
      const newest = await withNewest(layout, dirName, async (version, content) => {
        if (content?.form === "tar") {
          await content.handle.close();
        }
        return { version, hasContent: content !== undefined };
      });
      if (!newest.hasContent) {
        return "absent";
      }
      const stage = layout.cacheStage(await newOwner());
      try {
        await mkdir(stage.deleted.dir, { recursive: true, mode: 0o700 });
        await writeFile(stage.deleted.deletedPath, "", { mode: 0o600 });
        const made = await publishVersion(context, name, newest.version + 1, {
          dir: stage.deleted.dir,
          newest: stage.deleted.deletedPath,
        });
        if (made === "published") {
          return "deleted";
        }
      } finally {
        await rm(stage.dir, { recursive: true, force: true });
      }
    }
  });
}

/** Throws what the file system throws. */
async function publishVersion(
  { layout, sync }: StoreContext,
  name: string,
  version: number,
  made: MadeVersion,
): Promise<"published" | "stale"> {
  const dirName = cacheDirName(name);
  const dir = layout.cache(dirName);
  await sync(made.newest);
  await sync(made.dir);
  if ((await mkdir(dir, { recursive: true, mode: 0o700 })) !== undefined) {
    await sync(layout.cacheDir);
  }
  if (parseCacheDirName(dirName) === "kept-in-file") {
    await writeFile(join(dir, NAME_FILE), name, { mode: 0o600 });
  }
  const taken = await claimVersion(made.dir, layout.cacheVersion(dirName, version));
  if (!taken || !(await isNewest(layout, dirName, version))) {
    return "stale";
  }
  await sync(dir);
  await removeOlder(layout, dirName, version);
  return "published";
}

/** Bytes on the disk by inode number; what is gone meanwhile is left out. */
async function filesIn(dir: string): Promise<ReadonlyMap<number, number>> {
  const files = new Map<number, number>();
  for (const name of await readdir(dir).catch(() => [])) {
    const status = await stat(join(dir, name)).catch(() => undefined);
    if (status !== undefined) {
      files.set(status.ino, status.blocks * 512);
    }
  }
  return files;
}

function sumOf(files: ReadonlyMap<number, number>): number {
  let bytes = 0;
  for (const size of files.values()) {
    bytes += size;
  }
  return bytes;
}
