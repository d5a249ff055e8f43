/**
 * Readiness: the first connection on which the guest's SSH server speaks.
 *
 * QEMU's user network accepts a connection before the guest has anyone listening, and then knocks at
 * the guest itself, in three stages of a boot:
 *
 * 1. No network in the guest. Nothing comes back, and QEMU knocks again only after six seconds. It
 *    goes on with that even when we have closed the connection, so each one begun now costs the SSH
 *    server a process later: they are begun rarely.
 * 2. A network but no SSH server. The connection is closed within milliseconds. Listening may begin
 *    any moment, and asking costs next to nothing: the next follows at once.
 * 3. A server that needs time to speak. Nothing comes back on the first connection that was not
 *    closed. An emulated OpenSSH needs a second for each, so another follows only in case this one is
 *    lost.
 */
import { connect, type Socket } from "node:net";
import { failed, ok, type Result } from "../result.ts";
import { deferred } from "./deferred.ts";

/** How often a booting guest is asked: the time to the next attempt. */
export interface BannerPace {
  /** While there is no sign of a network. */
  readonly unannouncedMs: number;
  /** While there is a network card but no answer. */
  readonly unansweredMs: number;
  /** After one was closed by the guest. */
  readonly closedMs: number;
  /** While one is silent though others were closed; doubled each time. */
  readonly silentMs: number;
  /** For how long one attempt is kept. */
  readonly patienceMs: number;
}

export interface BannerOptions {
  readonly pace: BannerPace;
  /** Settles when the guest has set up its network card; may never, for want of knowledge. */
  readonly announced: Promise<unknown>;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
}

/**
 * A connection to 127.0.0.1:`port` whose other side has sent its SSH identification string (RFC 4253,
 * section 4.2). What was read is put back, so the connection can be handed to an SSH client as it is.
 */
export async function awaitSshBanner(
  port: number,
  { pace, announced, signal }: BannerOptions,
): Promise<Result<Socket, { readonly reason: "cancelled" }>> {
  const attempts = new Set<Socket>();
  const winner = deferred<Socket | undefined>(signal, () => undefined);
  let isOver = false;
  let unansweredMs = pace.unannouncedMs;
  /** There once the guest has closed a connection. */
  let silentMs: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  const schedule = (ms: number) => {
    clearTimeout(timer);
    if (!isOver) timer = setTimeout(begin, ms);
  };
  const begin = () => {
    const socket = knock(port, pace.patienceMs, winner.settle);
    attempts.add(socket);
    socket.once("close", () => {
      attempts.delete(socket);
      silentMs = pace.silentMs;
      schedule(pace.closedMs);
    });
    schedule(silentMs ?? unansweredMs);
    if (silentMs !== undefined) silentMs *= 2;
  };
  begin();
  const quicken = async () => {
    await announced;
    unansweredMs = pace.unansweredMs;
    if (silentMs === undefined) schedule(0);
  };
  void quicken();
  const socket = await winner.promise;
  isOver = true;
  clearTimeout(timer);
  for (const attempt of attempts) {
    attempt.removeAllListeners("close");
    if (attempt !== socket) attempt.destroy();
  }
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
  // Nothing the guest did, so nobody is to take it for an answer.
  socket.setTimeout(patienceMs, () => socket.removeAllListeners("close").destroy());
  return socket;
}

/** Lines may come before the identification string; it ends with a newline. */
function hasIdentification(received: Buffer): boolean {
  return /^SSH-[^\n]*\n/m.test(received.toString("latin1"));
}
