import { once } from "node:events";
import type { BuildEvent, EventSink } from "../../build/event.ts";

/**
 * Writes a build as one JSON object a line, for programs.
 *
 * Every object has `event` (the event's type) and, where it is about a step, `step` (its number), `id`
 * and `heading`. Output is base64 in `data`, because it may be any bytes.
 */
export function jsonRenderer(stream: NodeJS.WritableStream): EventSink {
  return async (event) => {
    if (!stream.write(`${JSON.stringify(jsonOf(event))}\n`)) await once(stream, "drain");
  };
}

function jsonOf(event: BuildEvent): Record<string, unknown> {
  if (event.type === "note") {
    return { event: event.type, message: event.message, warning: event.isWarning };
  }
  const step = {
    event: event.type,
    step: event.ref.number,
    of: event.ref.of,
    id: event.ref.step.id,
  };
  switch (event.type) {
    case "step-started":
      return {
        ...step,
        heading: event.ref.step.heading,
        build: event.ref.step.build,
        cached: event.cached,
      };
    case "step-phase":
      return { ...step, phase: event.phase };
    case "step-attached":
    case "step-detached":
      return { ...step, pid: event.pid };
    case "step-output":
      return {
        ...step,
        replayed: event.replayed,
        data: Buffer.from(event.chunk).toString("base64"),
      };
    case "step-warning":
      return { ...step, message: event.message };
    case "step-cached":
      return step;
    case "step-saved":
      return { ...step, durationMs: event.durationMs, builtBy: event.builtBy };
    case "step-failed":
      return { ...step, failure: event.failure, kept: event.kept };
  }
}
