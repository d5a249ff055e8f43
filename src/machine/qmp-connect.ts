import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { failed, ok, type Result } from "../result.ts";

/** Between two looks for the socket; QEMU makes it some 30 ms after its start. */
const retryMs = 5;

/**
 * Connects to a Unix socket that is about to be made, however long that takes; the caller's signal
 * ends the waiting, and must be aborted when its maker ends. The socket has a listener for errors, and may be
 * closed again when the caller gets it.
 */
export async function connectWhenThere(
  socketPath: string,
  signal: AbortSignal,
): Promise<Result<Socket, { readonly reason: "cancelled" }>> {
  while (!signal.aborted) {
    const socket = await tryConnect(socketPath);
    if (socket) return ok(socket);
    await delay(retryMs, undefined, { signal }).catch(() => {});
  }
  return failed({ reason: "cancelled" });
}

function tryConnect(socketPath: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once("connect", () => resolve(socket));
    // For good: QEMU may end before anybody else listens, which is no reason to end as well.
    socket.on("error", () => resolve(undefined));
  });
}
