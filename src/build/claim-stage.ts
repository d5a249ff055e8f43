import { failed, ok, type Result } from "../result.ts";
import type { Stage, StageRequest, Store } from "../store/store.ts";
import type { AttemptOptions, StepAttempt } from "./step-result.ts";

/** The stage to build a step in, or how the attempt ends without one. */
export async function claimStage(
  store: Store,
  request: Omit<StageRequest, "signal">,
  { signal, onClaimed }: AttemptOptions,
): Promise<Result<Stage, StepAttempt>> {
  const claimed = await store.claim({ ...request, signal });
  if (!claimed.ok) return failed(failed({ failure: claimed.error }));
  if (claimed.value.kind !== "granted") return failed(undefined);
  const { stage } = claimed.value;
  onClaimed({ id: stage.id, pid: process.pid, dir: stage.dir, logPath: stage.logPath });
  return ok(stage);
}
