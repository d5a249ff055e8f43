import type { From, Op, Spec } from "../spec/spec.ts";
import type { InputsNeeded, SourceNeeded } from "./plan.ts";

/**
 * What must be looked up before `spec` can be planned: each base and each context source once, nested
 * builds included, in the order of the spec, with the range of its first occurrence.
 */
export function inputsNeeded(spec: Spec): InputsNeeded {
  const bases = new Map<string, From>();
  const sources = new Map<string, SourceNeeded>();
  collect(spec, bases, sources);
  return { bases: [...bases.values()], sources: [...sources.values()] };
}

/** The names sorted and without duplicates. */
export function nameSet(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort();
}

function collect(spec: Spec, bases: Map<string, From>, sources: Map<string, SourceNeeded>): void {
  for (const child of spec.childBuilds) collect(child.spec, bases, sources);
  addFirst(bases, JSON.stringify([spec.from.name, spec.from.digest]), spec.from);
  for (const op of spec.ops) {
    for (const source of contextSources(op)) {
      addFirst(sources, JSON.stringify([source.path, source.exclude]), source);
    }
  }
}

function contextSources(op: Op): readonly SourceNeeded[] {
  if (op.op !== "copy" || op.from.kind !== "context") return [];
  return op.src.map(({ path, range }) => ({ path, exclude: nameSet(op.exclude), range }));
}

function addFirst<T>(map: Map<string, T>, key: string, value: T): void {
  if (!map.has(key)) map.set(key, value);
}
