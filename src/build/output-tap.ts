import { ok, type Result } from "../result.ts";
import type { StoreFailure } from "../store/failure.ts";
import { attempt } from "../store/fs-failure.ts";
import type { EventSink, StepRef } from "./event.ts";
import type { SecretMask } from "./secret-mask.ts";
import { StepLog } from "./step-log.ts";

/** What an {@link OutputTap} puts between the guest and whoever listens. */
export interface OutputTapOptions {
  readonly onEvent: EventSink;
  readonly mask: SecretMask;
}

/**
 * Where a step's output goes: into its log and to whoever listens, in order of arrival.
 *
 * Standard output and standard error arrive independently, so the pieces are put into one line here;
 * each write resolves when its own piece is through, which is what slows a talkative guest down.
 */
export class OutputTap implements AsyncDisposable {
  readonly #log: StepLog;
  readonly #path: string;
  readonly #ref: StepRef;
  readonly #onEvent: EventSink;
  readonly #mask: SecretMask;
  /** Called once when the log can no longer be written; the step cannot be promoted then. */
  onLogFailure: () => void = () => {};
  #last: Promise<void> = Promise.resolve();
  #failure: Result<void, StoreFailure> = ok();

  private constructor(
    log: StepLog,
    path: string,
    ref: StepRef,
    { onEvent, mask }: OutputTapOptions,
  ) {
    this.#log = log;
    this.#path = path;
    this.#ref = ref;
    this.#onEvent = onEvent;
    this.#mask = mask;
  }

  /** Creates the log. Rejects with the system's error. */
  static async open(
    path: string,
    limitBytes: number,
    ref: StepRef,
    options: OutputTapOptions,
  ): Promise<OutputTap> {
    return new OutputTap(await StepLog.create(path, limitBytes), path, ref, options);
  }

  /** Takes one piece of output; resolves when log and listener have what can be shown of it. */
  write(chunk: Buffer): Promise<void> {
    return this.#queue(this.#mask.push(chunk));
  }

  /** Waits for what is still on its way and ends the log. Tells whether the whole log was written. */
  async close(): Promise<Result<void, StoreFailure>> {
    await this.#queue(this.#mask.end());
    const closed = await attempt(this.#path, () => this.#log.close());
    return this.#failure.ok ? closed : this.#failure;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #queue(chunk: Buffer): Promise<void> {
    if (chunk.length > 0) this.#last = this.#last.then(() => this.#pass(chunk));
    return this.#last;
  }

  async #pass(chunk: Buffer): Promise<void> {
    if (!this.#failure.ok) return;
    const written = await attempt(this.#path, () => this.#log.write(chunk));
    if (!written.ok) {
      this.#failure = written;
      this.onLogFailure();
      return;
    }
    await this.#onEvent({ type: "step-output", ref: this.#ref, chunk, replayed: false });
  }
}
