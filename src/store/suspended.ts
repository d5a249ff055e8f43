/** Suspended machines of promoted layers. */
import { rename, rm } from "node:fs/promises";
import type { StepId } from "../plan/step.ts";
import type { StoreContext } from "./durable.ts";
import { newOwner } from "./owner.ts";

/**
 * Gives layer `id` the machine in `dir`, in the place of one it had. Gives where the machine is then: in
 * `dir` as before when it cannot be moved, since the layer is gone or another process was faster.
 */
export async function suspendLayer(
  { layout }: StoreContext,
  id: StepId,
  dir: string,
): Promise<string> {
  const { suspendedDir } = layout.layer(id);
  const old = layout.stateStage(await newOwner());
  await rename(suspendedDir, old).catch(() => {});
  try {
    await rename(dir, suspendedDir);
    return suspendedDir;
  } catch {
    return dir;
  } finally {
    await rm(old, { recursive: true, force: true });
  }
}
