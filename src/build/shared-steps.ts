/**
 * The steps that the builds of one environment work on at present.
 *
 * A step is built once for all of them, and cancelled when the last of those who wait for it has left.
 * Builds elsewhere, in other processes, are no part of it: see `Store.claim`.
 */
import type { StepId } from "../plan/step.ts";
import type { LiveStage } from "../store/store.ts";
import type { AttemptOptions, StepAttempt } from "./step-result.ts";

type Attempt = (options: Pick<AttemptOptions, "signal" | "onClaimed">) => Promise<StepAttempt>;

export class SharedSteps {
  readonly #running = new Map<StepId, RunningStep>();

  /** The attempt that is made at step `id`. */
  running(id: StepId): RunningStep | undefined {
    return this.#running.get(id);
  }

  /** Begins an attempt at step `id`, at which none is made yet. Whoever starts it has to join it at once. */
  start(id: StepId, attempt: Attempt): RunningStep {
    if (this.#running.has(id)) throw new Error(`Internal error: step ${id} is at work already`);
    const step = new RunningStep(attempt);
    this.#running.set(id, step);
    const forget = (): void => void this.#running.delete(id);
    step.ended.then(forget, forget);
    return step;
  }
}

/** An attempt at a step, with those who wait for it. */
export class RunningStep {
  /** Where it is built; undefined when it turned out not to be this attempt's. */
  readonly claimed: Promise<LiveStage | undefined>;
  /** Its outcome, when nothing of it is left but that. */
  readonly ended: Promise<StepAttempt>;
  readonly #stop = new AbortController();
  #clients = 0;

  constructor(attempt: Attempt) {
    let onClaimed!: (stage: LiveStage | undefined) => void;
    this.claimed = new Promise((resolve) => {
      onClaimed = resolve;
    });
    this.ended = attempt({ signal: this.#stop.signal, onClaimed }).finally(() => {
      onClaimed(undefined);
    });
  }

  /** Waits for the step from now on; `leave` is to follow. */
  join(): void {
    this.#clients++;
  }

  /** Waits no longer. The last to do so cancels the attempt, and gets its outcome when it has ended. */
  async leave(): Promise<StepAttempt> {
    this.#clients--;
    if (this.#clients > 0) return undefined;
    this.#stop.abort();
    return this.ended;
  }
}
