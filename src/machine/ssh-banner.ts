/**
 * Readiness: the first connection on which the guest's SSH server speaks.
 *
 * QEMU's user network accepts a connection before the guest has anyone listening, and then knocks at
 * the guest itself, what it sees in three stages:
 *
 * 1. No network in the guest: nothing comes back. A knock waits a second for the guest's address to
 *    appear, and is repeated only after six: an old connection hears late of what a new one hears at
 *    once, so new ones are started less than a second apart.
 * 2. A network but no SSH server: the connection is closed within milliseconds. Listening may begin
 *    any moment, and asking is cheap: the next follows shortly.
 * 3. A server that needs time to speak: nothing comes back, as in stage 1. Each connection costs it a
 *    process, so they follow at growing distances, and none is given up soon.
 */
import { connect, type Socket } from "node:net";
import { failed, ok, type Result } from "../result.ts";
import { deferred } from "./deferred.ts";

/** How often a booting guest is asked. */
export interface BannerPace {
  /** To the next attempt after one was closed by the guest. */
  readonly shortestMs: number;
  /** Between attempts that nothing comes back on; doubled up to this from the shortest. */
  readonly longestMs: number;
  /** For how long one attempt is kept. */
  readonly patienceMs: number;
}

/**
 * A connection to 127.0.0.1:`port` whose other side has sent its SSH identification string (RFC 4253,
 * section 4.2). What was read is put back, so the connection can be handed to an SSH client as it is.
 */
export async function awaitSshBanner(
  port: number,
  pace: BannerPace,
  signal: AbortSignal,
): Promise<Result<Socket, { readonly reason: "cancelled" }>> {
  const attempts = new Set<Socket>();
  const winner = deferred<Socket | undefined>(signal, () => undefined);
  let spacingMs = pace.shortestMs;
  let timer: NodeJS.Timeout | undefined;
  const schedule = (ms: number) => {
    clearTimeout(timer);
    timer = setTimeout(begin, ms);
  };
  const begin = () => {
    const socket = knock(port, pace.patienceMs, winner.settle);
    attempts.add(socket);
    socket.once("close", () => {
      attempts.delete(socket);
      spacingMs = pace.shortestMs;
      schedule(spacingMs);
    });
    schedule(spacingMs);
    spacingMs = Math.min(spacingMs * 2, pace.longestMs);
  };
  begin();
  const socket = await winner.promise;
  for (const attempt of attempts) {
    attempt.removeAllListeners("close");
    if (attempt !== socket) attempt.destroy();
  }
  clearTimeout(timer);
  return socket ? ok(socket) : failed({ reason: "cancelled" });
}

/** Longer than this without its identification string, and it is not an SSH server. */
const longestGreeting = 64 * 1024;

/** One attempt; it closes itself when nothing comes within `patienceMs`. */
function knock(port: number, patienceMs: number, onBanner: (socket: Socket) => void): Socket {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  let received = Buffer.alloc(0);
  const listen = (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    if (hasIdentification(received)) {
      socket.off("data", listen).off("error", ignore).setTimeout(0);
      socket.pause();
      socket.unshift(received);
      onBanner(socket);
    } else if (received.length > longestGreeting) {
      socket.destroy();
    }
  };
  // A refusal shows as the connection's close.
  const ignore = () => {};
  socket.on("data", listen).on("error", ignore);
  socket.setTimeout(patienceMs, () => socket.destroy());
  return socket;
}

/** Lines may come before the identification string; it ends with a newline. */
function hasIdentification(received: Buffer): boolean {
  return /^SSH-[^\n]*\n/m.test(received.toString("latin1"));
}
