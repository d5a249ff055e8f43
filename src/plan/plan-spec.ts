import { isNetwork } from "../spec/network.ts";
import { printOp } from "../spec/print-op.ts";
import { quoteAtom } from "../spec/quote-atom.ts";
import type { CopyOp, From, RunOp, Spec } from "../spec/spec.ts";
import { copyDestinations } from "./copy-destinations.ts";
import { foldContext } from "./fold-context.ts";
import { resolveGuestPath, sourcePath, withForwardSlashes } from "./guest-path.ts";
import { nameSet } from "./inputs-needed.ts";
import type { Plan, PlanInputs } from "./plan.ts";
import type { CopyInput, CopyItem, Step, StepContext, StepId } from "./step.ts";
import { copyStepId, fromStepId, runStepId } from "./step-id.ts";

/**
 * The steps of `spec` with their final ids. Pure, and it cannot fail: `spec` has been validated and
 * `inputs` answers everything `inputsNeeded` asked for.
 *
 * A nested build starts from its own base's initial context and comes before the build around it. When
 * two builds contain the same step, the first one is listed, with its caches, timeout and `(reboot)`:
 * these do not decide the result.
 */
export function planSpec(spec: Spec, inputs: PlanInputs): Plan {
  const steps = new Map<StepId, Step>();
  const result = planBuild(spec, { inputs, steps, build: [], finished: new Map() });
  return { steps: [...steps.values()], result };
}

interface Scope {
  readonly inputs: PlanInputs;
  /** Every step so far; in a Map, insertion order is build order. */
  readonly steps: Map<StepId, Step>;
  /** Names of the builds around, outermost first. */
  readonly build: readonly string[];
  /** The last step of each build that `(copy (from (build …)))` can name here. */
  readonly finished: ReadonlyMap<string, StepId>;
}

/** Where in a build the next step stands. */
interface Position {
  readonly parent: StepId;
  readonly context: StepContext;
  readonly freshBoot: boolean;
}

function planBuild(spec: Spec, outer: Scope): StepId {
  const finished = new Map(outer.finished);
  const scope: Scope = { ...outer, finished };
  for (const { name, spec: child } of spec.childBuilds) {
    finished.set(name, planBuild(child, { ...scope, build: [...scope.build, name] }));
  }
  let position = planFrom(spec, scope);
  for (const op of spec.ops) {
    const { context } = position;
    if (op.op === "run") {
      position = { parent: planRun(op, position, scope), context, freshBoot: false };
    } else if (op.op === "copy") {
      position = { parent: planCopy(op, position, scope), context, freshBoot: false };
    } else if (op.op === "reboot") {
      position = { ...position, freshBoot: true };
    } else {
      position = { ...position, context: foldContext(context, op) };
    }
  }
  return position.parent;
}

function planFrom({ from }: Spec, { inputs, steps, build }: Scope): Position {
  const base = inputs.base(from);
  const size = base.kind === "image" ? (inputs.diskSizeBytes ?? base.diskSizeBytes) : undefined;
  const step = {
    op: "from",
    build,
    heading: fromHeading(from),
    range: from.range,
    base,
    ...(size !== undefined && { diskSizeBytes: size }),
  } as const;
  const id = addStep(steps, { ...step, id: fromStepId(step) });
  return { parent: id, context: base.initial, freshBoot: false };
}

function fromHeading({ name, digest }: From): string {
  return `(from ${quoteAtom(digest === undefined ? name : `${name}@sha256:${digest}`)})`;
}

function planRun(op: RunOp, position: Position, { steps, build }: Scope): StepId {
  const step = {
    op: "run",
    build,
    heading: printOp(op),
    range: op.range,
    ...position,
    command: op.command,
    network: op.network.some(isNetwork),
    secrets: op.secrets,
    caches: op.caches,
    ...(op.timeoutMs !== undefined && { timeoutMs: op.timeoutMs }),
  } as const;
  return addStep(steps, { ...step, id: runStepId(step) });
}

function planCopy(op: CopyOp, { parent, context, freshBoot }: Position, scope: Scope): StepId {
  const step = {
    op: "copy",
    build: scope.build,
    heading: printOp(op),
    range: op.range,
    parent,
    user: context.user,
    freshBoot,
    ...copyContent(op, context.workdir, scope),
  } as const;
  return addStep(scope.steps, { ...step, id: copyStepId(step) });
}

function copyContent(
  op: CopyOp,
  workdir: string,
  { inputs, finished }: Scope,
): { readonly source: CopyInput; readonly items: readonly CopyItem[] } {
  const sources = op.src.map(({ path }) => sourcePath(path));
  const destinations = copyDestinations(workdir, op.dst, sources);
  const exclude = nameSet(op.exclude);
  if (op.from.kind === "context") {
    const items = op.src.map(({ path }, index) => ({
      manifest: inputs.manifest(path, exclude),
      destination: at(destinations, index),
    }));
    return { source: { kind: "context" }, items };
  }
  const { name } = op.from;
  const id = finished.get(name);
  if (id === undefined) throw new Error(`Internal error: no build "${name}" in scope`);
  const paths = op.src.map(({ path }, index) => ({
    path: withForwardSlashes(resolveGuestPath("/", path)),
    destination: at(destinations, index),
  }));
  return { source: { kind: "build", name, id, paths, exclude }, items: [] };
}

function addStep(steps: Map<StepId, Step>, step: Step): StepId {
  if (!steps.has(step.id)) steps.set(step.id, step);
  return step.id;
}

function at<T>(values: readonly T[], index: number): T {
  const value = values[index];
  if (value === undefined) throw new Error(`Internal error: nothing at index ${index}`);
  return value;
}
