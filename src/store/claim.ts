/**
 * Who of many builds a step, without a lock.
 *
 * Everybody first makes the directory of a stage and then lists those of others. Whoever finds none goes on
 * and builds; its stage stays until it has ended. Of two, at least one lists after both directories were
 * made, so two never go on. So that one of several that see each other does, the one with the smallest
 * name stays and waits for the others to go; they withdraw. A builder's log tells it from one that is
 * still looking. A dead process's stage counts for nothing, see `owner.ts`: that is how a claim is
 * released by a `kill -9`.
 */
import { rm, utimes } from "node:fs/promises";
import { failed, ok, type Result } from "../result.ts";
import { ChangeWatch } from "./change-watch.ts";
import { readContenders, SIGN_OF_LIFE_MS } from "./claims.ts";
import type { StoreContext } from "./durable.ts";
import type { StoreFailure } from "./failure.ts";
import { attempt } from "./fs-failure.ts";
import { readLayer } from "./layer-file.ts";
import type { StagePaths } from "./layout.ts";
import { OverlayStage } from "./overlay-stage.ts";
import { newOwner } from "./owner.ts";
import { recover } from "./recover.ts";
import { fillStage, makeStageDir } from "./stage.ts";
import type { Claim, StageRequest } from "./store.ts";

/** Looking takes milliseconds; one that is stopped meanwhile (Ctrl-Z) must not keep everybody from building. */
const PATIENCE_MS = 10_000;

type Refusal = Exclude<Claim, { kind: "granted" }>;

/** Claims the step of `request` and opens its stage. */
export async function claimStage(
  context: StoreContext,
  request: StageRequest,
): Promise<Result<Claim, StoreFailure>> {
  const paths = context.layout.stage(request.id, await newOwner());
  let isGranted = false;
  try {
    const contended = await attempt(paths.dir, () => contend(context, request, paths));
    if (!contended.ok) return contended;
    if (request.signal.aborted) return failed({ reason: "cancelled" });
    if (contended.value !== undefined) return ok(contended.value);
    const filled = await fillStage(context, request, paths);
    if (!filled.ok) return filled;
    isGranted = true;
    const stopSigns = giveSignsOfLife(paths);
    return ok({ kind: "granted", stage: new OverlayStage(context, request, paths, stopSigns) });
  } finally {
    if (!isGranted) await rm(paths.dir, { recursive: true, force: true });
  }
}

/** Undefined when the stage's directory is there and nobody else builds; also when it was cancelled. */
async function contend(
  context: StoreContext,
  { id, signal }: StageRequest,
  paths: StagePaths,
): Promise<Refusal | undefined> {
  const { layout } = context;
  using changes = new ChangeWatch([layout.stageDir]);
  const patienceEndsAt = performance.now() + PATIENCE_MS;
  let isProposed = false;
  while (!signal.aborted) {
    const { living, hasDead } = await readContenders(layout, id);
    // After the listing: whoever is no longer in it may have finished.
    const layer = await readLayer(layout, id);
    if (layer !== undefined) return { kind: "built", layer };
    const others = living.filter(({ stage }) => stage.dir !== paths.dir);
    const builder = others.find(({ isBuilding }) => isBuilding);
    if (builder !== undefined) return { kind: "taken", by: builder.stage };
    if (others.length === 0 || performance.now() > patienceEndsAt) {
      // What a dead builder left must not go on writing.
      if (hasDead) await recover(context);
      if (isProposed) return undefined;
      await makeStageDir(paths);
      isProposed = true;
      continue;
    }
    if (isProposed && others.some(({ stage }) => stage.dir < paths.dir)) {
      await rm(paths.dir, { recursive: true, force: true });
      isProposed = false;
    }
    await changes.next(signal);
  }
  return undefined;
}

/** For those who cannot see this process. Gives what ends it. */
function giveSignsOfLife({ logPath }: StagePaths): () => void {
  const timer = setInterval(() => {
    const now = new Date();
    // The stage may be on its way out.
    void utimes(logPath, now, now).catch(() => {});
  }, SIGN_OF_LIFE_MS);
  timer.unref();
  return () => clearInterval(timer);
}
