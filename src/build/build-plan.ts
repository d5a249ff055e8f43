import type { Plan } from "../plan/plan.ts";
import type { Step, StepId } from "../plan/step.ts";
import { stepNeeds } from "../plan/step-needs.ts";
import { failed, ok, type Result } from "../result.ts";
import type { Layer } from "../store/store.ts";
import type { BuildEnvironment, BuildOptions } from "./environment.ts";
import type { StepRef } from "./event.ts";
import type { BuildFailure, FailedBuild } from "./failure.ts";
import type { Need } from "./machine-slots.ts";
import { replayLayer } from "./replay-layer.ts";
import { shareStep } from "./shared-step.ts";
import { missingSecrets, secretWarnings } from "./step-secrets.ts";
import { wantedSteps } from "./wanted-steps.ts";

/**
 * Builds every step of a plan that is not in the store yet and gives the layer of the last one.
 *
 * Steps that need nothing of each other run at once, as far as the environment's capacity goes. After a failure no
 * step begins any more, unless `keepGoing` says so of those that do not need what failed; what already runs is
 * finished, and its layers are kept. Aborting the signal cancels what runs. Nothing is built when a step needs a secret
 * that was not given.
 */
export async function buildPlan(
  plan: Plan,
  env: BuildEnvironment,
  options: BuildOptions,
): Promise<Result<Layer, FailedBuild>> {
  const missing = await missingSecrets(plan, env);
  if (missing !== undefined) return failed({ ...missing, others: [], notBegun: 0 });
  for (const message of secretWarnings(plan, env)) {
    await options.onEvent({ type: "note", message, isWarning: true });
  }
  const run = new BuildRun(plan, env, options);
  try {
    return await run.result();
  } finally {
    await env.sandbox.rest();
    if (run.hasBuilt) await env.store.trimSuspended(env.warmBudgetBytes);
  }
}

/** A step's layer, or that there is none: it failed, or was not begun, or nobody needs it. */
type Outcome = Layer | undefined;

/** One build of one plan. */
class BuildRun {
  readonly #plan: Plan;
  readonly #env: BuildEnvironment;
  readonly #options: BuildOptions;
  /** The outcome of each step, so that a step runs once however many need it. */
  readonly #outcomes = new Map<StepId, Promise<Outcome>>();
  /** In the order in which they happened. */
  readonly #failures: BuildFailure[] = [];
  #notBegun = 0;
  /** True from the first failure on. */
  #isFailing = false;
  /** True when anything had to be built. */
  hasBuilt = false;

  constructor(plan: Plan, env: BuildEnvironment, options: BuildOptions) {
    this.#plan = plan;
    this.#env = env;
    this.#options = options;
  }

  async result(): Promise<Result<Layer, FailedBuild>> {
    const { steps, result } = this.#plan;
    const known = new Map<StepId, Layer>();
    for (const { id } of steps) {
      const layer = await this.#env.store.layer(id);
      if (layer !== undefined) known.set(id, layer);
    }
    const wanted = wantedSteps(this.#plan, (id) => known.has(id));
    // The plan lists what a step needs before the step, so every need has its promise already.
    for (const [index, step] of steps.entries()) {
      const ref = { step, number: index + 1, of: steps.length };
      if (wanted.has(step.id)) this.#outcomes.set(step.id, this.#step(ref, known.get(step.id)));
    }
    await Promise.all(this.#outcomes.values());
    const [first, ...others] = this.#failures;
    if (first !== undefined) {
      const real = others.filter(({ failure }) => failure.reason !== "cancelled");
      return failed({ ...first, others: real, notBegun: this.#notBegun });
    }
    const layer = await this.#outcomes.get(result);
    if (layer === undefined) throw new Error("Internal error: a build without a result");
    return ok(layer);
  }

  async #step(ref: StepRef, known: Layer | undefined): Promise<Outcome> {
    const { step } = ref;
    const needs = await Promise.all(stepNeeds(step).map(async (id) => this.#outcomes.get(id)));
    if (known !== undefined) return this.#replay(ref, known);
    if (needs.includes(undefined)) return this.#leaveOut();
    const { signal, onEvent } = this.#options;
    if (signal.aborted) return this.#fail({ step, failure: { reason: "cancelled" } });
    if (step.op === "from" && step.base.kind === "layer") {
      return this.#fail({ step, failure: { reason: "layer-missing", id: step.id } });
    }
    const outcome = await shareStep(ref, needs[0], this.#env, {
      signal,
      onEvent,
      mayBegin: () => !this.#isFailing || this.#options.keepGoing === true,
      onFailing: () => {
        this.#isFailing = true;
      },
      inSlot: (work) => this.#inSlot(step, needs, work),
    });
    if (outcome === undefined) return this.#leaveOut();
    return outcome.ok ? outcome.value : this.#fail(outcome.error);
  }

  /** A slot is held only while a step runs, never while it waits for what it needs. */
  async #inSlot(step: Step, needs: readonly Outcome[], work: () => Promise<void>): Promise<void> {
    this.hasBuilt = true;
    if (step.op === "from") return work();
    return this.#env.slots.use(await this.#need(needs), async (left) => {
      // What the copy is from is gone on with before the step's parent is.
      const next =
        step.op === "copy" && step.source.kind === "build" ? step.source.id : step.parent;
      await this.#env.sandbox.rest({ ...left, next });
      return work();
    });
  }

  /** What the step's machines take, of which only one runs at a time: its own, and that of the build it copies from. */
  async #need(layers: readonly Outcome[]): Promise<Need> {
    const need = { memoryBytes: 0, cpus: 0 };
    for (const layer of layers) {
      if (layer === undefined) continue;
      const profile = this.#env.bases.bootableProfile(layer.metadata.profile);
      const resources = await this.#env.resources(profile, this.#options.signal);
      // The step will find out by itself, and tell.
      if (!resources.ok) continue;
      const { hostMemoryBytes, cpus } = resources.value;
      need.memoryBytes = Math.max(need.memoryBytes, hostMemoryBytes);
      need.cpus = Math.max(need.cpus, cpus);
    }
    return need;
  }

  async #replay(ref: StepRef, layer: Layer): Promise<Layer> {
    const { onEvent } = this.#options;
    await onEvent({ type: "step-started", ref, cached: true });
    await replayLayer(ref, layer, onEvent);
    return layer;
  }

  #leaveOut(): undefined {
    this.#notBegun += 1;
    return undefined;
  }

  #fail(failure: BuildFailure): undefined {
    this.#isFailing = true;
    this.#failures.push(failure);
    return undefined;
  }
}
