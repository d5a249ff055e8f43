import { exitCode, signalExitCode } from "./exit-code.ts";

/** The signal that this process was told to end by; there is one for the whole process. */
let ending: EndingSignal | undefined;

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
type EndingSignal = (typeof signals)[number];

/** Turns the signals that end a program into an abort. */
export interface Termination extends Disposable {
  readonly signal: AbortSignal;
  /** Exit code for the signal that came; undefined when none did. */
  exitCode(): number | undefined;
}

/**
 * Listens for SIGINT, SIGTERM and SIGHUP. The first aborts the signal, so that machines are stopped
 * and stages removed; a second ends the process at once (machines die with it, the next start cleans up).
 */
export function listenForTermination(onFirst: (signal: EndingSignal) => void): Termination {
  const controller = new AbortController();
  let received: EndingSignal | undefined;
  const listener = (signal: EndingSignal): void => {
    if (received !== undefined) return endBy(signal);
    received = signal;
    ending = signal;
    onFirst(signal);
    controller.abort();
  };
  for (const signal of signals) process.on(signal, listener);
  return {
    signal: controller.signal,
    exitCode: () => (received === undefined ? undefined : signalExitCode(received)),
    [Symbol.dispose]() {
      for (const signal of signals) process.off(signal, listener);
    },
  };
}

/** Ends the process even where `process.exit` would wait: for a file that is being read and does not answer. */
function endBy(signal: EndingSignal): void {
  if (process.stdin.isTTY && process.stdin.isRaw) process.stdin.setRawMode(false);
  for (const name of signals) process.removeAllListeners(name);
  process.kill(process.pid, signal);
}

/** Exit code of whatever was cancelled: that of the signal it was cancelled by. */
export function cancelledExitCode(): number {
  return ending === undefined ? exitCode.internal : signalExitCode(ending);
}
