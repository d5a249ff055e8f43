import { untilAborted } from "../until-aborted.ts";

/**
 * Boots of layers whose machines are then saved for all that start there: whoever comes while one is under way waits
 * for it, since two would take twice the processors for the same machine.
 */
export class SharedBoots {
  readonly #running = new Map<string, Promise<unknown>>();

  isBooting(id: string): boolean {
    return this.#running.has(id);
  }

  /** Waits until the boot of layer `id` that is under way has come out, well or not, or the signal is aborted. */
  async ended(id: string, signal: AbortSignal): Promise<void> {
    const running = this.#running.get(id);
    if (running !== undefined) await untilAborted(running, signal);
  }

  /** Boots layer `id`, which nobody else does at present. */
  async run<T>(id: string, boot: () => Promise<T>): Promise<T> {
    const booting = boot();
    const ended = booting.catch(() => {}).finally(() => this.#running.delete(id));
    this.#running.set(id, ended);
    return booting;
  }
}
