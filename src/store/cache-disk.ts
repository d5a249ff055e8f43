/**
 * A cache as a disk: a chain of qcow2 files of which only the last is ever written to, and only before it is
 * published. Versions share the others by hard links, so that any version may go at any time.
 */
import { copyFile, constants, link, mkdir, rename, rm, stat } from "node:fs/promises";
import { failed, ok, type Result } from "../result.ts";
import type { StoreContext } from "./durable.ts";
import { emptyDisk } from "./empty-disk.ts";
import type { StoreFailure } from "./failure.ts";
import { attempt, errorCode } from "./fs-failure.ts";
import { type CacheVersionPaths, diskName } from "./layout.ts";
import { createOverlay, rebaseOverlay } from "./qemu-img.ts";

/** Gives a lease the chain of a version for itself. Throws what the file system throws. */
export async function linkDisk(
  { paths, count }: { readonly paths: CacheVersionPaths; readonly count: number },
  own: CacheVersionPaths,
): Promise<void> {
  await rm(own.dir, { recursive: true, force: true });
  await mkdir(own.dir, { mode: 0o700 });
  for (let index = 0; index < count; index++) {
    await linkOrCopy(paths.disk(index), own.disk(index));
  }
}

/** Gives a lease a chain of nothing but the empty disk. */
export async function linkEmptyDisk(
  context: StoreContext,
  own: CacheVersionPaths,
  signal: AbortSignal,
): Promise<Result<void, StoreFailure>> {
  const empty = await emptyDisk(context, signal);
  if (!empty.ok) {
    return empty;
  }
  return attempt(own.dir, async () => {
    await rm(own.dir, { recursive: true, force: true });
    await mkdir(own.dir, { mode: 0o700 });
    await linkOrCopy(empty.value, own.disk(0));
  });
}

/** Puts an overlay to be written to onto the chain of `count` files; gives its path. */
export async function addOverlay(
  own: CacheVersionPaths,
  count: number,
  signal: AbortSignal,
): Promise<Result<string, StoreFailure>> {
  const path = own.disk(count);
  const created = await createOverlay(
    { path, backingPath: diskName(count - 1), backingFormat: "qcow2" },
    signal,
  );
  return created.ok ? ok(path) : created;
}

/**
 * Keeps the chain short: takes into its last file, number `top`, what {@link mergeBase} says. Gives the number
 * that the file has then.
 */
export async function mergeChain(
  own: CacheVersionPaths,
  top: number,
): Promise<Result<number, StoreFailure>> {
  const sizes: number[] = [];
  for (let index = 0; index <= top; index++) {
    const status = await attempt(own.disk(index), () => stat(own.disk(index)));
    if (!status.ok) {
      return status;
    }
    sizes.push(status.value.blocks * 512);
  }
  const base = mergeBase(sizes);
  if (base === top - 1) {
    return ok(top);
  }
  const rebased = await rebaseOverlay(own.disk(top), diskName(base));
  if (!rebased.ok) {
    return failed(rebased.error);
  }
  return attempt(own.dir, async () => {
    for (let index = base + 1; index < top; index++) {
      await rm(own.disk(index));
    }
    await rename(own.disk(top), own.disk(base + 1));
    return base + 1;
  });
}

/**
 * The file that the last one should lie on, by the bytes of all: each file takes in those below that are less than
 * twice as large. So a chain has as many files as its size has digits in base 2 at the most, it holds little that
 * was overwritten, and a byte that stays is copied as seldom. The empty disk, number 0, is shared by all caches
 * and stays as it is.
 */
export function mergeBase(sizes: readonly number[]): number {
  let base = sizes.length - 2;
  let bytes = sizes.at(-1) ?? 0;
  for (; base > 0; base--) {
    const below = sizes[base] ?? 0;
    if (below >= 2 * bytes) {
      break;
    }
    bytes += below;
  }
  return base;
}

/** A file system without hard links, or with no more for this file, costs a copy. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!["EPERM", "EMLINK", "ENOTSUP", "EOPNOTSUPP"].includes(errorCode(error) ?? "")) {
      throw error;
    }
    await copyFile(from, to, constants.COPYFILE_FICLONE);
  }
}
