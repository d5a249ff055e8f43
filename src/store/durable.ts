/** Making files durable, and replacing one in a single step. */
import { open, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { StoreLayout } from "./layout.ts";
import { newOwner } from "./owner.ts";

/** Makes what a file holds, or the entries of a directory, survive a power cut. */
export type Sync = (path: string) => Promise<void>;

/** What every operation on a store needs. */
export interface StoreContext {
  readonly layout: StoreLayout;
  readonly sync: Sync;
}

/** `fsync(2)`. */
export const syncPath: Sync = async (path) => {
  await using handle = await open(path, "r");
  await handle.sync();
};

/**
 * Replaces the content of a file below `state/`: a reader sees the old or the new content whole.
 *
 * With `sync` the new content has also reached the disk when this returns. Throws what the file
 * system throws, and leaves nothing behind then.
 */
export async function replaceFile(
  layout: StoreLayout,
  path: string,
  content: string,
  sync?: Sync,
): Promise<void> {
  const stage = layout.stateStage(await newOwner());
  try {
    await writeFile(stage, content, { mode: 0o600, flag: "wx" });
    await sync?.(stage);
    await rename(stage, path);
    await sync?.(dirname(path));
  } catch (error) {
    await rm(stage, { force: true });
    throw error;
  }
}
