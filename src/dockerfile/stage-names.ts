import type { Spec } from "../spec/spec.ts";

/** Names that mean something else to Docker than a stage. */
const reserved = ["context", "scratch"];

/** What Docker takes for a stage's name, apart from its case. */
const valid = /^[a-z][a-z0-9_.-]*$/u;

/**
 * Gives every nested build a name that Docker takes for that stage alone.
 *
 * A build keeps its name where it can. Docker has one scope for a whole file, ignores case, and looks
 * for the name of a `FROM` among the stages first, so a name is changed that another build has, or an
 * image of the spec.
 */
export class StageNames {
  readonly #taken: Set<string>;

  constructor(spec: Spec) {
    this.#taken = new Set([...reserved, ...imagesOf(spec)]);
  }

  /** The stage name of one more build called `name`. */
  add(name: string): string {
    const lower = name.toLowerCase();
    const stem = valid.test(lower) ? lower : `stage-${lower.replaceAll(/[^a-z0-9_.-]+/gu, "-")}`;
    let free = stem;
    for (let count = 2; this.#taken.has(free); count += 1) free = `${stem}-${count}`;
    this.#taken.add(free);
    return free === lower ? name : free;
  }
}

function imagesOf(spec: Spec): string[] {
  const nested = spec.childBuilds.flatMap((build) => imagesOf(build.spec));
  return [spec.from.name.toLowerCase(), ...nested];
}
