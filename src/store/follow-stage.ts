/** Following the work in a stage, of this process or another, by its log. */
import { type FileHandle, open } from "node:fs/promises";
import { basename } from "node:path";
import { ChangeWatch } from "./change-watch.ts";
import { isAtWork } from "./claims.ts";
import { readFailure } from "./failed-log.ts";
import { errorCode } from "./fs-failure.ts";
import { exists, readLayer } from "./layer-file.ts";
import { parseStageEntry, type StagePaths, type StoreLayout } from "./layout.ts";
import { parseOwner } from "./owner.ts";
import type { FollowEnd, FollowOptions, LiveStage } from "./store.ts";

/** Asking the kernel about a process takes several files; nothing tells of its death but asking. */
const LIFE_CHECK_MS = 400;

/** Gives out the log of `stage` from its start as it grows, until the work in the stage has ended. */
export async function followStage(
  layout: StoreLayout,
  stage: LiveStage,
  { signal, onOutput }: FollowOptions,
): Promise<FollowEnd> {
  const paths = layout.stageNamed(basename(stage.dir));
  const isOver = endOf(paths);
  using changes = new ChangeWatch([layout.stageDir, paths.logPath]);
  await using log = new LogReader();
  while (!signal.aborted) {
    // Before the reading: what was written before the end is then read after it.
    const over = await isOver();
    await log.openAt(paths.logPath);
    await log.readOn(onOutput, signal);
    if (over) return await ended(layout, stage, log, { signal, onOutput });
    await changes.next(signal);
  }
  return { kind: "cancelled" };
}

async function ended(
  layout: StoreLayout,
  { id, dir }: LiveStage,
  log: LogReader,
  { signal, onOutput }: FollowOptions,
): Promise<FollowEnd> {
  // The log may have been moved before it could be opened.
  const readFrom = async (path: string): Promise<void> => {
    await log.openAt(path);
    await log.readOn(onOutput, signal);
  };
  const layer = await readLayer(layout, id);
  if (layer !== undefined) {
    await readFrom(layer.logPath);
    return { kind: "promoted", layer };
  }
  const failure = await readFailure(layout, id, dir);
  if (failure === undefined) return { kind: "gone" };
  await readFrom(layout.failedLog(id));
  return { kind: "failed", record: failure.record };
}

/** Tells whether nobody works in the stage any more. */
function endOf(paths: StagePaths): () => Promise<boolean> {
  const entry = parseStageEntry(basename(paths.dir));
  const owner = entry === undefined ? undefined : parseOwner(entry.owner);
  if (owner === undefined) throw new Error(`Internal error: ${paths.dir} is not a stage`);
  let checkedAt = -Infinity;
  return async () => {
    // The log goes with the stage, or is kept apart when the step has failed.
    if (!(await exists(paths.logPath)) || (await exists(paths.keptPath))) return true;
    if (performance.now() - checkedAt < LIFE_CHECK_MS) return false;
    checkedAt = performance.now();
    return !(await isAtWork(paths, owner));
  };
}

/** Reads a file that grows; once open, it may be renamed or removed. */
class LogReader implements AsyncDisposable {
  readonly #chunk = Buffer.alloc(64 * 1024);
  #file: FileHandle | undefined;

  /** Opens the file unless one is open; none when it is not there. */
  async openAt(path: string): Promise<void> {
    if (this.#file !== undefined) return;
    try {
      this.#file = await open(path, "r");
    } catch (error) {
      if (errorCode(error) !== "ENOENT") throw error;
    }
  }

  /** Gives out what has been added. */
  async readOn(onOutput: FollowOptions["onOutput"], signal: AbortSignal): Promise<void> {
    while (this.#file !== undefined && !signal.aborted) {
      const { bytesRead } = await this.#file.read(this.#chunk, 0, this.#chunk.length);
      if (bytesRead === 0) return;
      await onOutput(Uint8Array.prototype.slice.call(this.#chunk, 0, bytesRead));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.close();
  }
}
