/**
 * One remote command on an open SSH channel (RFC 4254, section 6), whatever SSH library opened it.
 */
import type { Duplex, Readable } from "node:stream";
import { drain } from "./drain.ts";
import { defaultLinger, lingerTimer, type Linger } from "./exec-linger.ts";
import { feedStdin } from "./exec-stdin.ts";
import type { ExecEnd, ExecRequest } from "./session.ts";

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
 * Rejects with what `onStdout`, `onStderr` or the `stdin` stream failed with, the command killed. A
 * pending sink is awaited first, but not when cancelled. A `stdin` stream that was not read to its
 * end is destroyed.
 */
export async function runCommand(
  channel: ExecChannel,
  request: ExecRequest,
  linger: Linger = defaultLinger,
): Promise<ExecOutcome> {
  const { stream, stderr } = channel;
  const { signal, timeoutMs } = request;
  const cleanups: (() => void)[] = [];
  try {
    const sinks: ReturnType<typeof drain>[] = [];
    const outcome = await new Promise<ExecOutcome>((resolve, reject) => {
      let end: ExecEnd | undefined;
      let closed = false;
      const conclude = () => {
        if (!sinks.every((sink) => sink.finished)) return;
        if (end) resolve(end);
        else if (closed) resolve({ kind: "lost" });
      };
      const moment = lingerTimer(
        linger,
        () => sinks.some((sink) => sink.busy),
        () => end && resolve(end),
      );
      const events = {
        onProgress(bytes: number) {
          moment.progress(bytes);
          conclude();
        },
        onFault: reject,
      };
      sinks.push(
        drain(stream, request.onStdout, events),
        drain(stderr, request.onStderr, events),
      );
      stream.once("exit", (code: number | null, name?: string) => {
        end = execEnd(code, name);
        clearTimeout(timer);
        moment.start();
        conclude();
      });
      stream.once("close", () => {
        closed = true;
        conclude();
      });
      // Writing to a command that has gone is no failure of its own: its end tells.
      stream.on("error", () => {});
      const cancel = () => resolve({ kind: "cancelled" });
      signal.addEventListener("abort", cancel, { once: true });
      const timer =
        timeoutMs === undefined
          ? undefined
          : setTimeout(() => resolve({ kind: "timed-out" }), timeoutMs);
      cleanups.push(
        () => clearTimeout(timer),
        () => signal.removeEventListener("abort", cancel),
        moment.stop,
        feedStdin(stream, request.stdin, reject),
      );
      if (signal.aborted) cancel();
    });
    if (outcome.kind === "cancelled" || outcome.kind === "timed-out") channel.kill();
    const idle = Promise.all(sinks.map((sink) => sink.stop()));
    if (outcome.kind !== "cancelled") await idle;
    return outcome;
  } catch (error) {
    channel.kill();
    throw error;
  } finally {
    for (const cleanup of cleanups) cleanup();
    channel.close();
  }
}

function execEnd(code: number | null, name: string | undefined): ExecEnd {
  return code === null
    ? { kind: "signalled", signal: (name ?? "").replace(/^SIG/, "") }
    : { kind: "exited", code };
}
