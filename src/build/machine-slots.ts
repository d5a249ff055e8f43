/** What machines may take together; `Infinity` where there is no bound. */
export interface Capacity {
  readonly machines: number;
  /** Of the host, see `Resources`. */
  readonly memoryBytes: number;
  /** Of machines that run; one that is paused takes none. */
  readonly cpus: number;
}

/** What one machine takes of a {@link Capacity}. */
export type Need = Omit<Capacity, "machines">;

/**
 * Hands out places for machines, in the order they are asked for: a small machine does not get ahead of a large one,
 * which might then never get its place. One that is larger than everything gets all of it.
 */
export class MachineSlots {
  readonly #capacity: Capacity;
  readonly #waiting: { readonly need: Need; readonly start: () => void }[] = [];
  #used: Capacity = { machines: 0, memoryBytes: 0, cpus: 0 };

  constructor(capacity: Capacity) {
    this.#capacity = capacity;
  }

  /**
   * Runs `run` in a place of its own. It is told what is left besides, and must itself wait for no other place:
   * two that wait for each other's would never end.
   */
  async use<T>(need: Need, run: (left: Capacity) => Promise<T>): Promise<T> {
    await new Promise<void>((start) => {
      this.#waiting.push({ need, start });
      this.#startNext();
    });
    try {
      return await run(this.#left());
    } finally {
      this.#add(-1, need);
      this.#startNext();
    }
  }

  #startNext(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (!this.#fits(next.need)) return;
      this.#waiting.shift();
      this.#add(1, next.need);
      next.start();
    }
  }

  #fits({ memoryBytes, cpus }: Need): boolean {
    if (this.#used.machines === 0) return true;
    const left = this.#left();
    return left.machines >= 1 && left.memoryBytes >= memoryBytes && left.cpus >= cpus;
  }

  #left(): Capacity {
    const { machines, memoryBytes, cpus } = this.#capacity;
    return {
      machines: machines - this.#used.machines,
      memoryBytes: memoryBytes - this.#used.memoryBytes,
      cpus: cpus - this.#used.cpus,
    };
  }

  #add(sign: 1 | -1, { memoryBytes, cpus }: Need): void {
    this.#used = {
      machines: this.#used.machines + sign,
      memoryBytes: this.#used.memoryBytes + sign * memoryBytes,
      cpus: this.#used.cpus + sign * cpus,
    };
  }
}
