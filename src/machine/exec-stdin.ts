import type { Readable, Writable } from "node:stream";
import type { ExecRequest } from "./session.ts";

/** A command's standard input, from the request on. */
export interface Stdin {
  /**
   * Sends everything and then the end, at the pace the command reads. `onBroken` is called when a
   * stream was destroyed before its end, now or earlier.
   */
  feed(target: Writable, onBroken: () => void): void;
  /** Sends no more; a stream that was not read to its end is destroyed. Idempotent. */
  release(): void;
}

/**
 * Takes charge of a command's standard input before there is a channel for it. A stream's own error
 * is its maker's to tell, and does not end the process meanwhile.
 */
export function takeStdin(stdin: ExecRequest["stdin"]): Stdin {
  if (stdin === undefined || typeof stdin === "string" || stdin instanceof Uint8Array) {
    return {
      feed: (target) => void target.end(stdin),
      release() {},
    };
  }
  return streamStdin(stdin);
}

function streamStdin(source: Readable): Stdin {
  let ended = false;
  let target: Writable | undefined;
  let tell = () => {};
  const onEnd = () => {
    ended = true;
  };
  const onClose = () => {
    if (!ended) tell();
  };
  source.on("error", () => {});
  source.once("end", onEnd).once("close", onClose);
  return {
    feed(to, onBroken) {
      target = to;
      tell = onBroken;
      if (source.destroyed && !ended) onBroken();
      else source.pipe(to);
    },
    release() {
      tell = () => {};
      if (target) source.unpipe(target);
      source.destroy();
    },
  };
}
