import { startTimer } from "./timer.ts";

/** Why a launch cannot go on. */
export type StopCause = "cancelled" | "timed-out" | "ended";

/** Ends every wait of a launch; the first cause stays. */
export interface StopWatch extends Disposable {
  /** Aborted when the launch cannot go on. */
  readonly signal: AbortSignal;
  readonly cause: StopCause | undefined;
}

/** Watches the user, the clock and the machine at once. */
export function stopWatch(
  cancel: AbortSignal,
  timeoutMs: number,
  ended: Promise<unknown>,
): StopWatch {
  const controller = new AbortController();
  let cause: StopCause | undefined;
  const stop = (why: StopCause) => {
    cause ??= why;
    controller.abort();
  };
  const onCancel = () => stop("cancelled");
  const timer = startTimer(() => stop("timed-out"), timeoutMs);
  cancel.addEventListener("abort", onCancel, { once: true });
  if (cancel.aborted) onCancel();
  void ended.then(() => stop("ended"));
  return {
    signal: controller.signal,
    get cause() {
      return cause;
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      cancel.removeEventListener("abort", onCancel);
    },
  };
}
