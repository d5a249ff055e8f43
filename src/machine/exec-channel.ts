/**
 * One remote command on an open SSH channel (RFC 4254, section 6), whatever SSH library opened it.
 */
import type { Duplex, Readable } from "node:stream";
import { drain } from "./drain.ts";
import { defaultLinger, lingerTimer, type Linger } from "./exec-linger.ts";
import type { Stdin } from "./exec-stdin.ts";
import type { ExecEnd, ExecRequest } from "./session.ts";
import { startTimer } from "./timer.ts";

/** What is needed of a channel. */
export interface ExecChannel {
  /**
   * Standard output to read, standard input to write. Emits `exit` with the exit status, or with
   * null and a signal name, and `close` when the channel is gone and read to its end.
   */
  readonly stream: Duplex;
  readonly stderr: Readable;
  /** Asks the guest to kill the command; it may decline. */
  kill(): void;
  /** Closes the channel; what runs in the guest goes on. */
  close(): void;
}

/** How a command came out; `lost` when the channel ended before the command was known to have. */
export type ExecOutcome = ExecEnd | { readonly kind: "cancelled" } | { readonly kind: "lost" };

/**
 * Feeds, drains and awaits one command.
 *
 * Rejects with what `onStdout` or `onStderr` failed with, the command killed. A pending sink is
 * awaited first, but not when cancelled.
 */
export async function runCommand(
  channel: ExecChannel,
  request: ExecRequest,
  stdin: Stdin,
  linger: Linger = defaultLinger,
): Promise<ExecOutcome> {
  const watch = watchCommand(channel, request, stdin, linger);
  try {
    const outcome = await watch.outcome;
    if (outcome.kind === "cancelled" || outcome.kind === "timed-out") channel.kill();
    const idle = watch.stop();
    if (outcome.kind !== "cancelled") await idle;
    return outcome;
  } catch (error) {
    channel.kill();
    throw error;
  } finally {
    void watch.stop();
    channel.close();
  }
}

interface CommandWatch {
  readonly outcome: Promise<ExecOutcome>;
  /** Lets go of streams and timers; settles when no sink is busy. */
  stop(): Promise<unknown>;
}

function watchCommand(
  { stream, stderr }: ExecChannel,
  { signal, timeoutMs, onStdout, onStderr }: ExecRequest,
  stdin: Stdin,
  linger: Linger,
): CommandWatch {
  let resolve!: (outcome: ExecOutcome) => void;
  let reject!: (fault: unknown) => void;
  const outcome = new Promise<ExecOutcome>((onOutcome, onFault) => {
    resolve = onOutcome;
    reject = onFault;
  });
  let end: ExecEnd | undefined;
  let closed = false;

  const events = {
    onProgress(bytes: number) {
      moment.progress(bytes);
      conclude();
    },
    onFault: reject,
  };
  const sinks = [drain(stream, onStdout, events), drain(stderr, onStderr, events)];
  const conclude = () => {
    if (!sinks.every((sink) => sink.finished)) return;
    if (end) resolve(end);
    else if (closed) resolve({ kind: "lost" });
  };
  const isBusy = () => sinks.some((sink) => sink.busy);
  const moment = lingerTimer(linger, isBusy, () => end && resolve(end));
  const onExit = (code: number | null, name?: string) => {
    end = execEnd(code, name);
    clearTimeout(timer);
    moment.start();
    conclude();
  };
  const onClose = () => {
    closed = true;
    conclude();
  };
  const giveUp = () => resolve({ kind: "cancelled" });
  const onTimeout = () => resolve({ kind: "timed-out" });
  const timer = timeoutMs === undefined ? undefined : startTimer(onTimeout, timeoutMs);

  stream.once("exit", onExit).once("close", onClose);
  // Writing to a command that has gone is no failure of its own: its end tells.
  stream.on("error", () => {});
  signal.addEventListener("abort", giveUp, { once: true });
  if (signal.aborted) giveUp();
  stdin.feed(stream, giveUp);
  return {
    outcome,
    async stop() {
      clearTimeout(timer);
      signal.removeEventListener("abort", giveUp);
      moment.stop();
      stdin.release();
      await Promise.all(sinks.map((sink) => sink.stop()));
    },
  };
}

function execEnd(code: number | null, name: string | undefined): ExecEnd {
  return code === null
    ? { kind: "signalled", signal: (name ?? "").replace(/^SIG/, "") }
    : { kind: "exited", code };
}
