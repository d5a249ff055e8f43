import { finished, type Writable } from "node:stream";
import type { ExecRequest } from "./session.ts";

/**
 * Sends a command's standard input and then its end, at the pace the command reads.
 *
 * Returns what stops it: a stream that was not read to its end is destroyed. `onFault` is told when
 * the stream fails before that.
 */
export function feedStdin(
  target: Writable,
  stdin: ExecRequest["stdin"],
  onFault: (error: unknown) => void,
): () => void {
  if (stdin === undefined || typeof stdin === "string" || stdin instanceof Uint8Array) {
    target.end(stdin);
    return () => {};
  }
  const unwatch = finished(stdin, { writable: false }, (error) => {
    if (error) onFault(error);
  });
  stdin.pipe(target);
  return () => {
    unwatch();
    stdin.unpipe(target);
    // A destroyed stream may still report the failure of what it was doing.
    stdin.on("error", () => {});
    stdin.destroy();
  };
}
