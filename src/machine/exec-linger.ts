/** How long output is still read after a command has ended, when something holds it open. */
export interface Linger {
  /** Time without any output. */
  readonly quietMs: number;
  /** Time in all, but for what our own side needs to take the output. */
  readonly totalMs: number;
  /**
   * Output in all. More than a command can have written before its end with nobody reading: the
   * SSH window and the buffers of the guest.
   */
  readonly totalBytes: number;
}

/** Generous, since an emulated guest may stall for a part of a second. */
export const defaultLinger: Linger = {
  quietMs: 1_000,
  totalMs: 5_000,
  totalBytes: 8 * 2 ** 20,
};

/** The moment between a command's end and the end of its output. */
export interface LingerTimer {
  /** The command has ended. */
  start(): void;
  /** Output came (`bytes`), or our side is done with some (0). */
  progress(bytes: number): void;
  readonly stop: () => void;
}

/**
 * Calls `onOver` once, when the moment is over. While `isBusy` says that our own side is taking
 * output, no time passes.
 */
export function lingerTimer(
  { quietMs, totalMs, totalBytes }: Linger,
  isBusy: () => boolean,
  onOver: () => void,
): LingerTimer {
  let started = false;
  let bytesLeft = totalBytes;
  let quiet: NodeJS.Timeout | undefined;
  let total: NodeJS.Timeout | undefined;

  const stop = () => {
    started = false;
    clearTimeout(quiet);
    clearTimeout(total);
  };
  const over = () => {
    stop();
    onOver();
  };
  const expire = (timer: NodeJS.Timeout | undefined) => {
    if (isBusy()) timer?.refresh();
    else over();
  };
  return {
    start() {
      started = true;
      quiet = setTimeout(() => expire(quiet), quietMs);
      total = setTimeout(() => expire(total), totalMs);
    },
    progress(bytes) {
      if (!started) return;
      bytesLeft -= bytes;
      if (bytesLeft < 0) over();
      else quiet?.refresh();
    },
    stop,
  };
}
