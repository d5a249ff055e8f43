import PQueue from "p-queue";
import type { Plan } from "../plan/plan.ts";
import type { Step, StepId } from "../plan/step.ts";
import { failed, ok, type Result } from "../result.ts";
import type { Layer } from "../store/store.ts";
import type { BuildEnvironment, BuildOptions } from "./environment.ts";
import type { StepRef } from "./event.ts";
import type { BuildFailure } from "./failure.ts";
import { readLog } from "./step-log.ts";
import { runStep } from "./run-step.ts";
import { unsupported } from "./unsupported.ts";

type StepOutcome = Result<Layer, BuildFailure>;

/**
 * Builds every step of a plan that is not in the store yet and gives the layer of the last one.
 *
 * Steps that need nothing of each other may run at once, at most `jobs` machines at a time. The first
 * failure cancels the steps that still run, and is the build's failure. Nothing is built when the
 * plan holds a step that this version cannot build.
 */
export async function buildPlan(
  plan: Plan,
  env: BuildEnvironment,
  options: BuildOptions,
): Promise<StepOutcome> {
  for (const step of plan.steps) {
    const failure = unsupported(step);
    if (failure !== undefined) return failed({ step, failure });
  }
  // Before any layer is looked for: those that are found stay while the build runs.
  await using _ = await env.store.hold(plan.steps.map(({ id }) => id));
  const run = new BuildRun(plan, env, options);
  try {
    return await run.result();
  } finally {
    await env.sandbox.rest();
    if (run.hasBuilt) await env.store.trimSuspended(env.warmBudgetBytes);
  }
}

/** One build of one plan. */
class BuildRun {
  readonly #plan: Plan;
  readonly #env: BuildEnvironment;
  readonly #options: BuildOptions;
  readonly #machines: PQueue;
  /** Aborted by the caller or by the first failure. */
  readonly #signal: AbortSignal;
  readonly #stop = new AbortController();
  /** The outcome of each step that was asked for, so that a step runs once however many need it. */
  readonly #outcomes = new Map<StepId, Promise<StepOutcome>>();
  #firstFailure: BuildFailure | undefined;
  /** True when anything had to be built. */
  hasBuilt = false;

  constructor(plan: Plan, env: BuildEnvironment, options: BuildOptions) {
    this.#plan = plan;
    this.#env = env;
    this.#options = options;
    this.#machines = new PQueue({ concurrency: env.jobs });
    this.#signal = AbortSignal.any([options.signal, this.#stop.signal]);
  }

  async result(): Promise<StepOutcome> {
    // The plan lists what a step needs before the step, so every need has its promise already.
    for (const [index, step] of this.#plan.steps.entries()) {
      const ref = { step, number: index + 1, of: this.#plan.steps.length };
      this.#outcomes.set(step.id, this.#step(ref));
    }
    const outcomes = await Promise.all(this.#outcomes.values());
    if (this.#firstFailure !== undefined) return failed(this.#firstFailure);
    const last = outcomes.at(-1);
    if (last === undefined) throw new Error("Internal error: a plan without steps");
    return (await this.#outcomes.get(this.#plan.result)) ?? last;
  }

  async #step(ref: StepRef): Promise<StepOutcome> {
    const { step } = ref;
    const parent = step.op === "from" ? undefined : await this.#outcomes.get(step.parent);
    if (parent !== undefined && !parent.ok) return parent;
    const known = await this.#env.store.layer(step.id);
    if (known !== undefined) return this.#replay(ref, known);
    if (step.op === "from" && step.base.kind === "layer") {
      return this.#fail({ step, failure: { reason: "layer-missing", id: step.id } });
    }
    this.hasBuilt = true;
    await this.#options.onEvent({ type: "step-started", ref, cached: false });
    const outcome = await this.#inSlot(step, () =>
      runStep(ref, parent?.value, this.#env, {
        signal: this.#signal,
        onEvent: this.#options.onEvent,
      }),
    );
    return outcome.ok ? outcome : this.#fail(outcome.error);
  }

  /** A slot is held only while a step runs, never while it waits for what it needs. */
  async #inSlot(step: Step, run: () => Promise<StepOutcome>): Promise<StepOutcome> {
    if (step.op === "from") return run();
    return this.#machines.add(run);
  }

  async #replay(ref: StepRef, layer: Layer): Promise<StepOutcome> {
    const noted = this.#env.store.used(layer.id);
    await this.#options.onEvent({ type: "step-started", ref, cached: true });
    for await (const chunk of readLog(layer.logPath)) {
      await this.#options.onEvent({ type: "step-output", ref, chunk, replayed: true });
    }
    await noted;
    await this.#options.onEvent({ type: "step-cached", ref });
    return ok(layer);
  }

  /** The first failure is the cause; what is cancelled because of it is not reported. */
  #fail(failure: BuildFailure): StepOutcome {
    this.#firstFailure ??= failure;
    this.#stop.abort();
    return failed(failure);
  }
}
