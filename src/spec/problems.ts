import type { Diagnostic } from "./diagnostic.ts";
import type { SourceRange, SourceText } from "./source.ts";

/** More than anybody reads; a text of megabytes could hold a million problems. */
const maxListed = 1000;

/** A hint that is costly to make is given as a function, and only made when it will be shown. */
export type Hint = string | undefined | (() => string | undefined);

/**
 * What was found wrong with one text, so that a pass can go on after an error and report them all.
 *
 * A pass that has added an error may return anything: its caller asks `hasErrors` and drops it.
 */
export class Problems {
  readonly source: SourceText;
  readonly #listed: Diagnostic[] = [];
  #unlisted = 0;
  #hasErrors = false;

  constructor(source: SourceText) {
    this.source = source;
  }

  error(range: SourceRange, message: string, hint?: Hint): void {
    this.#hasErrors = true;
    this.#add("error", range, message, hint);
  }

  warning(range: SourceRange, message: string, hint?: Hint): void {
    this.#add("warning", range, message, hint);
  }

  get hasErrors(): boolean {
    return this.#hasErrors;
  }

  /** The first 1000 problems in the order of the text, then how many more there are. */
  inOrder(): Diagnostic[] {
    const sorted = this.#listed.toSorted((a, b) => a.range.start - b.range.start);
    const last = sorted.at(-1);
    if (this.#unlisted > 0 && last !== undefined) {
      const severity = this.#hasErrors ? "error" : "warning";
      const message = `${this.#unlisted} more problems are not listed`;
      sorted.push({ severity, source: this.source, range: last.range, message });
    }
    return sorted;
  }

  #add(severity: Diagnostic["severity"], range: SourceRange, message: string, hint: Hint): void {
    if (this.#listed.length === maxListed) {
      this.#unlisted += 1;
      return;
    }
    const { source } = this;
    const text = typeof hint === "function" ? hint() : hint;
    this.#listed.push({
      severity,
      source,
      range,
      message,
      ...(text !== undefined && { hint: text }),
    });
  }
}
