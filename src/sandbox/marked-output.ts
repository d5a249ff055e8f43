/**
 * A command's output, in which our own script may have said one thing before the command: a line that begins with a
 * marker.
 */
export class MarkedOutput {
  readonly #marker: Buffer;
  readonly #passOn: (chunk: Buffer) => void | Promise<void>;
  /** What came so far, while it may still be the marker's line. */
  #start: Buffer | undefined = Buffer.alloc(0);

  constructor(marker: string, passOn: (chunk: Buffer) => void | Promise<void>) {
    this.#marker = Buffer.from(marker);
    this.#passOn = passOn;
  }

  /** What stands behind the marker, if the output begins with it. */
  get message(): string | undefined {
    if (this.#start === undefined || this.#start.length < this.#marker.length) return undefined;
    return this.#start.subarray(this.#marker.length).toString("utf8").trim();
  }

  /** Passes the output on, but for the marker's line. It is never held back for longer than it is like the marker. */
  add(chunk: Buffer): void | Promise<void> {
    if (this.#start === undefined) return this.#passOn(chunk);
    const start = Buffer.concat([this.#start, chunk]);
    const length = Math.min(start.length, this.#marker.length);
    if (start.subarray(0, length).equals(this.#marker.subarray(0, length))) {
      // Nobody but our script knows the marker, and it says no more than a line.
      this.#start = start.subarray(0, 1000);
      return;
    }
    this.#start = undefined;
    return this.#passOn(start);
  }

  /** Passes on what was held back and turned out not to be the marker. */
  end(): void | Promise<void> {
    const held = this.#start;
    this.#start = undefined;
    if (held === undefined || held.length >= this.#marker.length) return;
    return this.#passOn(held);
  }
}
