import { isAbsolute, resolve } from "node:path";
import { nearest } from "../spec/did-you-mean.ts";
import { parseDurationMs } from "../spec/duration.ts";
import { parseByteSize } from "./byte-size.ts";
import type { ProfileProblem } from "./failure.ts";

/** Bounds of an integer, both allowed. */
export interface IntegerRange {
  readonly min: number;
  readonly max: number;
}

/**
 * Reads a parsed TOML table key by key and collects what is wrong with it.
 *
 * Every reader gives undefined for an absent key and, after adding a problem, for a bad value. A key
 * that no reader asked for is unknown to {@link reportUnknownKeys}.
 */
export class TomlTable {
  readonly #table: Readonly<Record<string, unknown>>;
  /** Dotted path of the table itself; `""` for the document. */
  readonly #path: string;
  readonly #problems: ProfileProblem[];
  readonly #known = new Set<string>();

  constructor(table: Readonly<Record<string, unknown>>, path: string, problems: ProfileProblem[]) {
    this.#table = table;
    this.#path = path;
    this.#problems = problems;
  }

  /** Adds a problem with a key of this table. */
  problem(key: string, message: string, hint?: string): undefined {
    const dotted = this.#path === "" ? key : `${this.#path}.${key}`;
    this.#problems.push({ key: dotted, message, ...(hint !== undefined && { hint }) });
  }

  has(key: string): boolean {
    return this.#take(key) !== undefined;
  }

  /** A string with at least one character. */
  string(key: string): string | undefined {
    const value = this.#take(key);
    if (value === undefined || isText(value)) return value;
    return this.#expected(key, "a string that is not empty", value);
  }

  /** A string that may be empty. */
  text(key: string): string | undefined {
    const value = this.#take(key);
    if (value === undefined || typeof value === "string") return value;
    return this.#expected(key, "a string", value);
  }

  /** A word of letters, digits and `._-`, in which no program finds options of its own. */
  name(key: string, what: string): string | undefined {
    const value = this.string(key);
    if (value === undefined || /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(value)) return value;
    return this.#expected(key, what, value);
  }

  oneOf<T extends string>(key: string, allowed: readonly T[]): T | undefined {
    const value = this.#take(key);
    if (value === undefined) return undefined;
    const found = allowed.find((name) => name === value);
    if (found !== undefined) return found;
    const near = typeof value === "string" ? nearest(value, allowed) : undefined;
    const hint = near === undefined ? undefined : `did you mean ${quoted(near)}?`;
    return this.#expected(key, `one of ${allowed.map(quoted).join(", ")}`, value, hint);
  }

  integer(key: string, { min, max }: IntegerRange): number | undefined {
    const value = this.#take(key);
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) {
      return value;
    }
    return this.#expected(key, `a whole number from ${min} to ${max}`, value);
  }

  /** An array of at least one string, the first of them not empty: a command's argv. */
  argv(key: string): readonly string[] | undefined {
    const value = this.#take(key);
    if (value === undefined) return undefined;
    if (isArrayOfStrings(value) && isText(value[0])) return value;
    return this.#expected(key, 'an array of strings such as ["/bin/sh", "-c"]', value);
  }

  /** Bytes, from a string like `512M` or a number; at least `min`. */
  byteSize(key: string, min: number): number | undefined {
    const value = this.#take(key);
    if (value === undefined) return undefined;
    const bytes = parseByteSize(typeof value === "number" ? String(value) : toText(value));
    if (bytes === undefined) return this.#expected(key, 'a size such as "512M" or "1.5G"', value);
    if (bytes >= min) return bytes;
    return this.problem(
      key,
      `${shown(value)} is too small`,
      `did you mean ${quoted(`${bytes}M`)}?`,
    );
  }

  /** Milliseconds, from a string like `90s`; more than none. */
  durationMs(key: string): number | undefined {
    const value = this.#take(key);
    if (value === undefined) return undefined;
    const ms = parseDurationMs(toText(value));
    if (ms !== undefined && ms > 0) return ms;
    return this.#expected(key, 'a time such as "90s" or "5m"', value);
  }

  /** An absolute host path; a relative one is taken from `folder`. */
  path(key: string, folder: string): string | undefined {
    const value = this.string(key);
    if (value === undefined) return undefined;
    if (value.startsWith("~")) {
      return this.problem(key, "`~` is not expanded", "write the path from the root");
    }
    return isAbsolute(value) ? value : resolve(folder, value);
  }

  /**
   * One of `words`, or else a path as {@link path} reads it. A path without a `/` that is nearly one
   * of the words is taken for a slip.
   */
  wordOrPath<T extends string>(
    key: string,
    words: readonly T[],
    folder: string,
  ): { readonly word: T } | { readonly path: string } | undefined {
    const value = this.#take(key);
    const word = words.find((name) => name === value);
    if (word !== undefined) return { word };
    const near = isText(value) && !value.includes("/") ? nearest(value, words) : undefined;
    if (isText(value) && near !== undefined) {
      const hint = `did you mean ${quoted(near)}? A file of that name is ${quoted(`./${value}`)}`;
      return this.problem(key, `found ${shown(value)}`, hint);
    }
    const path = this.path(key, folder);
    return path === undefined ? undefined : { path };
  }

  /** A table below this one. */
  table(key: string): TomlTable | undefined {
    const value = this.#take(key);
    if (value === undefined) return undefined;
    if (!isTable(value)) return this.#expected(key, "a table", value);
    return new TomlTable(value, this.#path === "" ? key : `${this.#path}.${key}`, this.#problems);
  }

  isTable(key: string): boolean {
    return isTable(this.#take(key));
  }

  keys(): readonly string[] {
    return Object.keys(this.#table);
  }

  /** Adds a problem for each key that was not asked for, with the nearest one that was. */
  reportUnknownKeys(): void {
    for (const key of this.keys()) {
      if (this.#known.has(key)) continue;
      const near = nearest(key, this.#known);
      const all = [...this.#known].map((name) => `\`${name}\``).join(", ");
      this.problem(
        key,
        "unknown key",
        near ? `did you mean \`${near}\`?` : `expected one of ${all}`,
      );
    }
  }

  #take(key: string): unknown {
    this.#known.add(key);
    return Object.hasOwn(this.#table, key) ? this.#table[key] : undefined;
  }

  #expected(key: string, what: string, value: unknown, hint?: string): undefined {
    return this.problem(key, `expected ${what}, found ${shown(value)}`, hint);
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function isArrayOfStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date)
  );
}

function toText(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

/** A value as a message shows it, short and on one line. */
function shown(value: unknown): string {
  if (typeof value === "string") {
    return quoted(value.length > 40 ? `${value.slice(0, 39)}…` : value);
  }
  if (Array.isArray(value)) return "an array";
  if (value instanceof Date) return "a date";
  const isPlain =
    typeof value === "number" || typeof value === "bigint" || typeof value === "boolean";
  return isPlain ? String(value) : "a table";
}
