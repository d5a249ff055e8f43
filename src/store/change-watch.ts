import { type FSWatcher, watch } from "node:fs";

/** What the kernel does not tell is found this late: the death of a process, changes on some file systems. */
const POLL_MS = 500;
/** Where nothing can be watched. */
const BLIND_POLL_MS = 100;

/** Waits for changes of files and of the entries of directories. */
export class ChangeWatch implements Disposable {
  readonly #watchers: FSWatcher[] = [];
  #pollMs = POLL_MS;
  #hasChanged = false;
  #wake: () => void = () => {};

  /** Watches from now on; a path that cannot be watched is looked at more often instead. */
  constructor(paths: readonly string[]) {
    for (const path of paths) this.#watch(path);
  }

  /** Resolves after a change since the last call, when it is time to look anyway, or when `signal` aborts. */
  async next(signal: AbortSignal): Promise<void> {
    if (!this.#hasChanged && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          signal.removeEventListener("abort", done);
          resolve();
        };
        const timer = setTimeout(done, this.#pollMs);
        signal.addEventListener("abort", done, { once: true });
        this.#wake = done;
      });
    }
    this.#hasChanged = false;
  }

  [Symbol.dispose](): void {
    for (const watcher of this.#watchers) watcher.close();
  }

  #watch(path: string): void {
    try {
      const watcher = watch(path, () => this.#change());
      this.#watchers.push(watcher);
      watcher.on("error", () => {
        watcher.close();
        this.#pollMs = BLIND_POLL_MS;
      });
    } catch {
      // The path is gone, or the host has no watches left.
      this.#pollMs = BLIND_POLL_MS;
    }
  }

  #change(): void {
    this.#hasChanged = true;
    this.#wake();
  }
}
