/**
 * One step, as one build gets it: built here, or taken from whoever builds it at present.
 *
 *     in the store                 -> its log is replayed
 *     built in this environment    -> join, follow its log
 *     built elsewhere              -> follow its log
 *     neither                      -> claim it and build; start over when somebody else was faster
 *
 * Whoever follows starts over when the builder has ended without an outcome that is also the follower's.
 */
import { failed, ok, type Result } from "../result.ts";
import type { Layer, LiveStage } from "../store/store.ts";
import type { BuildEnvironment, BuildOptions } from "./environment.ts";
import type { EventSink, StepRef } from "./event.ts";
import type { BuildFailure } from "./failure.ts";
import { replayLayer } from "./replay-layer.ts";
import { runStep } from "./run-step.ts";
import { sharedFailure } from "./shared-failure.ts";
import type { RunningStep } from "./shared-steps.ts";
import { untilAborted } from "../until-aborted.ts";

type StepOutcome = Result<Layer, BuildFailure>;

export interface SharedStepOptions extends BuildOptions {
  /**
   * Calls `work` when a machine may be started. What it returns is awaited until the machine has ended, which
   * can be after the build that asked was cancelled. Following takes no slot.
   */
  readonly inSlot: (work: () => Promise<void>) => Promise<void>;
  /** False when nothing is to begin any more; asked again when there is a slot. What runs is finished. */
  readonly mayBegin: () => boolean;
  /** Called when the step has failed, before its slot is free for another. */
  readonly onFailing: () => void;
}

/**
 * Gets the layer of one step that was not in the store a moment ago. Tells by events how that goes and
 * ends. `parent` is the layer of the step before; undefined for `from`. Undefined when the step was not begun,
 * because it may not.
 */
export async function shareStep(
  ref: StepRef,
  parent: Layer | undefined,
  env: BuildEnvironment,
  options: SharedStepOptions,
): Promise<StepOutcome | undefined> {
  return new SharedStep(ref, parent, env, options).outcome();
}

class SharedStep {
  readonly #ref: StepRef;
  readonly #parent: Layer | undefined;
  readonly #env: BuildEnvironment;
  readonly #options: SharedStepOptions;
  #isAnnounced = false;

  constructor(
    ref: StepRef,
    parent: Layer | undefined,
    env: BuildEnvironment,
    options: SharedStepOptions,
  ) {
    this.#ref = ref;
    this.#parent = parent;
    this.#env = env;
    this.#options = options;
  }

  async outcome(): Promise<StepOutcome | undefined> {
    const { id } = this.#ref.step;
    const { signal, mayBegin } = this.#options;
    while (!signal.aborted) {
      if (!mayBegin()) return undefined;
      const known = await this.#env.store.layer(id);
      if (known !== undefined) {
        await this.#announce(true);
        await replayLayer(this.#ref, known, this.#options.onEvent);
        return ok(known);
      }
      const outcome = await this.#once();
      if (outcome !== undefined) return outcome;
    }
    return this.#fail({ failure: { reason: "cancelled" } });
  }

  /** Tells that the step has begun, once. */
  async #announce(cached: boolean): Promise<void> {
    if (this.#isAnnounced) return;
    this.#isAnnounced = true;
    await this.#options.onEvent({ type: "step-started", ref: this.#ref, cached });
  }

  /** Undefined when there is no outcome yet and things have changed. */
  async #once(): Promise<StepOutcome | undefined> {
    const { id } = this.#ref.step;
    const running = this.#env.steps.running(id);
    if (running !== undefined) return this.#join(running);
    const builder = await this.#env.store.builder(id);
    if (builder !== undefined) return this.#follow(builder);
    return this.#build();
  }

  /** Builds the step here, unless somebody else turns out to do so. */
  async #build(): Promise<StepOutcome | undefined> {
    const { signal } = this.#options;
    let isListening = true;
    const starting = this.#start(async (event) => {
      if (isListening) await this.#options.onEvent(event);
    });
    // Somebody else may have the slot for long.
    const started = await untilAborted(starting, signal);
    if (started === undefined) {
      void starting.then((running) => running?.leave());
      return undefined;
    }
    const running = started.value;
    if (running === undefined) return undefined;
    let attempt;
    try {
      attempt = (await untilAborted(running.ended, signal))?.value;
    } finally {
      isListening = false;
      // When all have left, it may have ended well nevertheless.
      attempt = (await running.leave()) ?? attempt;
    }
    if (attempt === undefined) return undefined;
    return attempt.ok ? this.#succeed(attempt.value) : this.#fail(attempt.error);
  }

  /** The attempt, joined, that is made as soon as there is a slot; undefined when there is another by then. */
  #start(onEvent: EventSink): Promise<RunningStep | undefined> {
    const { steps } = this.#env;
    const { id } = this.#ref.step;
    return new Promise((resolve, reject) => {
      const work = async (): Promise<void> => {
        const { signal, mayBegin } = this.#options;
        if (signal.aborted || !mayBegin() || steps.running(id) !== undefined) {
          resolve(undefined);
          return;
        }
        const running = steps.start(id, async (attempt) => {
          await this.#announce(false);
          const ended = await runStep(this.#ref, this.#parent, this.#env, { ...attempt, onEvent });
          if (ended?.ok === false && !this.#options.signal.aborted) this.#options.onFailing();
          return ended;
        });
        running.join();
        resolve(running);
        await running.ended;
      };
      this.#options.inSlot(work).catch(reject);
    });
  }

  /** Waits for an attempt of this environment, which goes on as long as somebody does. */
  async #join(running: RunningStep): Promise<StepOutcome | undefined> {
    const { signal } = this.#options;
    running.join();
    try {
      const stage = (await untilAborted(running.claimed, signal))?.value;
      const outcome = stage === undefined ? undefined : await this.#follow(stage);
      // A follower may learn of the end a little before it.
      await untilAborted(running.ended, signal);
      return outcome;
    } finally {
      await running.leave();
    }
  }

  async #follow(stage: LiveStage): Promise<StepOutcome | undefined> {
    const { signal, onEvent } = this.#options;
    const ref = this.#ref;
    const { pid } = stage;
    await this.#announce(false);
    await onEvent({ type: "step-attached", ref, pid });
    const end = await this.#env.store.follow(stage, {
      signal,
      onOutput: (chunk) => onEvent({ type: "step-output", ref, chunk, replayed: false }),
    });
    if (end.kind === "cancelled") return undefined;
    if (end.kind === "promoted") return this.#succeed(end.layer, pid);
    const failure =
      end.kind === "failed" ? sharedFailure(end.record, ref.step, this.#env.keepFailed) : undefined;
    if (failure !== undefined) return this.#fail({ ...failure, logId: ref.step.id });
    await onEvent({ type: "step-detached", ref, pid });
    return undefined;
  }

  async #succeed(layer: Layer, builtBy?: number): Promise<StepOutcome> {
    await this.#options.onEvent({
      type: "step-saved",
      ref: this.#ref,
      id: layer.id,
      durationMs: layer.metadata.durationMs,
      ...(builtBy === undefined ? {} : { builtBy }),
    });
    return ok(layer);
  }

  async #fail(failure: Omit<BuildFailure, "step">): Promise<StepOutcome> {
    const { kept } = failure;
    await this.#options.onEvent({
      type: "step-failed",
      ref: this.#ref,
      failure: failure.failure,
      ...(kept === undefined ? {} : { kept }),
    });
    return failed({ step: this.#ref.step, ...failure });
  }
}
