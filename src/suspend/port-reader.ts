import type { Socket } from "node:net";

/** Takes what comes from a port. While a returned promise is pending, nothing more is read. */
export type PortConsumer = (chunk: Buffer) => void | Promise<void>;

/**
 * Reads a port for one consumer after the other; without one, what comes is thrown away.
 *
 * `onFault` gets what a consumer throws or rejects with.
 */
export class PortReader {
  #consumer:
    | { readonly take: PortConsumer; readonly onFault: (error: unknown) => void }
    | undefined;

  constructor(socket: Socket) {
    socket.on("data", (chunk: Buffer) => {
      const consumer = this.#consumer;
      if (consumer === undefined) return;
      try {
        const busy = consumer.take(chunk);
        if (busy === undefined) return;
        socket.pause();
        busy.catch(consumer.onFault).finally(() => socket.resume());
      } catch (error) {
        consumer.onFault(error);
      }
    });
  }

  /** Gives the port to a consumer; call the result to take it away again. */
  attach(take: PortConsumer, onFault: (error: unknown) => void): () => void {
    const consumer = { take, onFault };
    this.#consumer = consumer;
    return () => {
      if (this.#consumer === consumer) this.#consumer = undefined;
    };
  }
}
