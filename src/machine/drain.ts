import type { Readable } from "node:stream";

/** Takes pieces of output; the next one waits for a returned promise. */
export type Sink = (piece: Buffer) => void | Promise<void>;

/** A stream on its way into a sink. */
export interface Drain {
  /** True while the sink has a piece it is not done with. */
  readonly busy: boolean;
  /** True when the stream has ended and the sink has everything. */
  readonly finished: boolean;
  /** Gives the sink nothing more; what still comes is thrown away. Settles when the sink is idle. */
  stop(): Promise<void>;
}

export interface DrainEvents {
  /** A piece came, or (with 0) the sink is done with one, or the stream ended. */
  onProgress(bytes: number): void;
  /** The sink failed; it gets nothing more. */
  onFault(error: unknown): void;
}

/**
 * Moves a stream into a sink, paused while the sink is busy: at most the stream's own buffer and one
 * piece are held here.
 */
export function drain(source: Readable, sink: Sink | undefined, events: DrainEvents): Drain {
  let idle: Promise<void> | undefined;
  let ended = false;
  let stopped = false;

  const take = (piece: Buffer) => {
    const busy = deliver(piece);
    if (busy) {
      source.pause();
      idle = goOnAfter(busy);
    }
    events.onProgress(piece.length);
  };
  const goOnAfter = async (busy: Promise<void>) => {
    await busy;
    idle = undefined;
    source.resume();
    events.onProgress(0);
  };
  const deliver = (piece: Buffer): Promise<void> | undefined => {
    try {
      const taken = sink?.(piece);
      return taken?.catch(fault);
    } catch (error) {
      fault(error);
      return undefined;
    }
  };
  const fault = (error: unknown) => {
    stop();
    events.onFault(error);
  };
  const stop = () => {
    stopped = true;
    source.off("data", take);
    source.resume();
  };

  source.on("data", take);
  source.once("end", () => {
    ended = true;
    events.onProgress(0);
  });
  return {
    get busy() {
      return idle !== undefined;
    },
    get finished() {
      return ended && !stopped && idle === undefined;
    },
    async stop() {
      stop();
      await idle;
    },
  };
}
