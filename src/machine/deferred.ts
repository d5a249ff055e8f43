/** A promise that is settled from outside, once; later calls do nothing. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly settle: (value: T) => void;
}

/**
 * A deferred that settles itself with `onAbort()` when `signal` is aborted first, or already is.
 * It leaves no listener on the signal once settled.
 */
export function deferred<T>(signal?: AbortSignal, onAbort?: () => T): Deferred<T> {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  const abort = () => {
    if (onAbort) resolve(onAbort());
  };
  const settle = (value: T) => {
    signal?.removeEventListener("abort", abort);
    resolve(value);
  };
  if (signal?.aborted) abort();
  else signal?.addEventListener("abort", abort, { once: true });
  return { promise, settle };
}
