/** Node fires a timer beyond this at once. */
const longestMs = 2 ** 31 - 1;

/** A timer as of `setTimeout`, for a time of any length; one of more than 24 days ends after 24. */
export function startTimer(callback: () => void, ms: number): NodeJS.Timeout {
  return setTimeout(callback, Math.min(ms, longestMs));
}
