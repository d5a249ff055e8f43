import { exitCode, signalExitCode } from "./exit-code.ts";

/** The signal that this process was told to end by; there is one for the whole process. */
let ending: EndingSignal | undefined;

type EndingSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

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
    if (received !== undefined) process.exit(signalExitCode(signal));
    received = signal;
    ending = signal;
    onFirst(signal);
    controller.abort();
  };
  const signals: readonly EndingSignal[] = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) process.on(signal, listener);
  return {
    signal: controller.signal,
    exitCode: () => (received === undefined ? undefined : signalExitCode(received)),
    [Symbol.dispose]() {
      for (const signal of signals) process.off(signal, listener);
    },
  };
}

/** Exit code of whatever was cancelled: that of the signal it was cancelled by. */
export function cancelledExitCode(): number {
  return ending === undefined ? exitCode.internal : signalExitCode(ending);
}
