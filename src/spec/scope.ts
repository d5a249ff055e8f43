import { suggest } from "./did-you-mean.ts";
import type { Problems } from "./problems.ts";
import { atomInMessage } from "./quote-atom.ts";
import type { SexpAtom } from "./sexp.ts";

/** The builds that `(copy (from (build NAME)) …)` may name at one point of a spec. */
export class Scope {
  readonly #outer: Scope | undefined;
  readonly #names = new Set<string>();

  /** A scope that also sees what `outer` has so far, as OBuilder's `validate` nests them. */
  constructor(outer?: Scope) {
    this.#outer = outer;
  }

  /** Puts a build in scope. A second of one name hides the first from what follows. */
  add(name: SexpAtom, problems: Problems): void {
    if (this.#names.has(name.text)) {
      const message = `this hides the earlier build ${atomInMessage(name.text)}`;
      problems.warning(name.range, message);
    }
    this.#names.add(name.text);
  }

  has(name: string): boolean {
    return this.#names.has(name) || (this.#outer?.has(name) ?? false);
  }

  /** The error of a build that is not in scope, with the nearest that is. */
  check(name: SexpAtom, problems: Problems): void {
    if (this.has(name.text)) return;
    const hint = (): string => this.#hint(name.text);
    problems.error(name.range, `unknown build ${atomInMessage(name.text)}`, hint);
  }

  #hint(name: string): string {
    const visible = this.#visible();
    if (visible.length > 0) return suggest(name, visible);
    return "a build is in scope when `(build NAME (…))` comes before `(from …)`";
  }

  #visible(): string[] {
    const outer = this.#outer === undefined ? [] : this.#outer.#visible();
    return [...this.#names, ...outer];
  }
}
