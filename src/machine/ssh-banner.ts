/**
 * Readiness: the first connection on which the guest's SSH server speaks.
 *
 * QEMU's user network accepts a connection before the guest has anyone listening, and then knocks at
 * the guest itself, in three stages of a boot:
 *
 * 1. No network in the guest. Nothing comes back; QEMU knocks again only after six seconds, and goes
 *    on even when we have closed the connection. What is started now costs the guest's SSH server a
 *    process later and tells nothing, so it is done rarely, until `announced` or the first answer.
 * 2. A network but no SSH server. The connection is closed within milliseconds. Listening may begin
 *    any moment, and asking costs next to nothing: the next follows at once.
 * 3. A server that needs time to speak. Nothing comes back, as in the first stage. Others follow at
 *    growing distances, in case this one is lost, and none is given up soon.
 */
import { connect, type Socket } from "node:net";
import { failed, ok, type Result } from "../result.ts";
import { deferred } from "./deferred.ts";

/** How often a booting guest is asked. */
export interface BannerPace {
  /** Between attempts while the guest has given no sign of a network. */
  readonly unannouncedMs: number;
  /** To the next attempt after one was closed by the guest. */
  readonly closedMs: number;
  /** To the next attempt while nothing comes back; doubled each time, up to the longest. */
  readonly silentMs: number;
  readonly longestMs: number;
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
  let hasNetwork = false;
  let silentMs = pace.silentMs;
  let timer: NodeJS.Timeout | undefined;
  const schedule = (ms: number) => {
    clearTimeout(timer);
    if (!isOver) timer = setTimeout(begin, ms);
  };
  const answered = () => {
    hasNetwork = true;
    silentMs = pace.silentMs;
    schedule(pace.closedMs);
  };
  const begin = () => {
    const socket = knock(port, pace.patienceMs, winner.settle);
    attempts.add(socket);
    socket.once("close", () => {
      attempts.delete(socket);
      answered();
    });
    schedule(hasNetwork ? silentMs : pace.unannouncedMs);
    if (hasNetwork) silentMs = Math.min(silentMs * 2, pace.longestMs);
  };
  begin();
  void announced.then(answered);
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
  socket.setTimeout(patienceMs, () => socket.destroy());
  return socket;
}

/** Lines may come before the identification string; it ends with a newline. */
function hasIdentification(received: Buffer): boolean {
  return /^SSH-[^\n]*\n/m.test(received.toString("latin1"));
}
