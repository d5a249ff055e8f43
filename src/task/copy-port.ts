import { connectWhenThere } from "../machine/qmp-connect.ts";

export interface CopyOptions {
  /** Ends the copying, and nothing else. */
  readonly stop: AbortSignal;
  /** Awaited: what is not taken stays in the guest. */
  readonly onOutput: (chunk: Buffer) => void | Promise<void>;
}

/**
 * Hands on all that comes from a port, until its other end is gone. What QEMU was given before its end is all there.
 *
 * @param socketPath QEMU's end of the port
 */
export async function copyPort(socketPath: string, { stop, onOutput }: CopyOptions): Promise<void> {
  const connected = await connectWhenThere(socketPath, stop);
  if (!connected.ok) return;
  const socket = connected.value;
  const close = (): void => void socket.destroy();
  stop.addEventListener("abort", close, { once: true });
  if (stop.aborted) close();
  const chunks: AsyncIterator<unknown> = socket[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await chunks.next().catch(() => undefined);
      // A port that breaks off has said what it has said.
      if (next === undefined || next.done === true) return;
      await onOutput(next.value as Buffer);
    }
  } finally {
    stop.removeEventListener("abort", close);
    socket.destroy();
  }
}
