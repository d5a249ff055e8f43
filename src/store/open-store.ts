/** Opening a store: the only way to get one. */
import { access, constants, mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { failed, ok, type Result } from "../result.ts";
import { type Sync, syncPath } from "./durable.ts";
import type { StoreFailure } from "./failure.ts";
import { attempt, errorCode } from "./fs-failure.ts";
import { type StoreLayout, storeLayout } from "./layout.ts";
import { overlayStore } from "./overlay-store.ts";
import { type Leftover, recover } from "./recover.ts";
import type { Store } from "./store.ts";

export interface OpenStoreOptions {
  readonly signal?: AbortSignal;
  /** How a file or directory is made durable. @default `fsync(2)` */
  readonly sync?: Sync;
  /** Gets everything that is cleared away. */
  readonly onLeftover?: (leftover: Leftover) => void;
}

/**
 * Opens the store in directory `root`, which is created when it is missing, and clears away what dead
 * processes left there. A relative path counts from the current directory.
 *
 * Any number of processes may have a store open. There is nothing to close.
 */
export async function openStore(
  root: string,
  options: OpenStoreOptions = {},
): Promise<Result<Store, StoreFailure>> {
  const { signal, sync = syncPath, onLeftover } = options;
  if (signal?.aborted === true) {
    return failed({ reason: "cancelled" });
  }
  const layout = storeLayout(resolve(root));
  const prepared = await attempt(layout.root, async () => {
    await createDirectories(layout, sync);
    await recover({ layout, sync }, onLeftover);
  });
  return prepared.ok ? ok(overlayStore({ layout, sync })) : prepared;
}

async function createDirectories(layout: StoreLayout, sync: Sync): Promise<void> {
  for (const dir of [
    layout.root,
    layout.resultDir,
    layout.stageDir,
    layout.cacheDir,
    layout.cacheStageDir,
    layout.stateDir,
    layout.stateStageDir,
    layout.tagDir,
    layout.failedLogDir,
    layout.downloadDir,
    layout.usedDir,
    layout.holdDir,
    layout.deletingDir,
    layout.sshDir,
    layout.baseImageDir,
    layout.digestDir,
  ]) {
    if (await isDirectory(dir)) {
      await access(dir, constants.R_OK | constants.W_OK | constants.X_OK);
    } else {
      await createDirectory(dir, sync);
    }
  }
}

/** Not the `recursive` of `mkdir`, which never returns where a parent is there and refuses (`/proc`). */
async function createDirectory(dir: string, sync: Sync): Promise<void> {
  const parent = dirname(dir);
  if (!(await isDirectory(parent)) && parent !== dir) {
    await createDirectory(parent, sync);
  }
  try {
    await mkdir(dir, { mode: 0o700 });
  } catch (error) {
    if (errorCode(error) === "EEXIST" && (await isDirectory(dir))) {
      return;
    }
    throw error;
  }
  try {
    await sync(parent);
  } catch (error) {
    // A directory one may write to and not read cannot be synced.
    if (errorCode(error) !== "EACCES") {
      throw error;
    }
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (errorCode(error) === "ENOENT") {
      return false;
    }
    throw error;
  }
}
