import type { Layer } from "../store/store.ts";
import type { EventSink, StepRef } from "./event.ts";
import { readLog } from "./step-log.ts";

/** Tells what a step printed when it was built. */
export async function replayLayer(ref: StepRef, layer: Layer, onEvent: EventSink): Promise<void> {
  for await (const chunk of readLog(layer.logPath)) {
    await onEvent({ type: "step-output", ref, chunk, replayed: true });
  }
  await onEvent({ type: "step-cached", ref });
}
