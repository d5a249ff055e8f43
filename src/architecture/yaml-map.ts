import { suggest } from "../spec/did-you-mean.ts";
import type { Hint, Problems } from "../spec/problems.ts";
import type { YamlPath, YamlSource } from "../yaml/yaml-source.ts";

/** A map of a YAML document that is read key by key; what is wrong is added to the problems. */
export class YamlMap {
  readonly path: YamlPath;
  readonly #yaml: YamlSource;
  readonly #problems: Problems;
  readonly #value: Readonly<Record<string, unknown>>;

  private constructor(
    yaml: YamlSource,
    problems: Problems,
    path: YamlPath,
    value: Readonly<Record<string, unknown>>,
  ) {
    this.#yaml = yaml;
    this.#problems = problems;
    this.path = path;
    this.#value = value;
  }

  /** The whole document; undefined, and told, when it is no map. */
  static of(yaml: YamlSource, problems: Problems, what: string): YamlMap | undefined {
    if (isRecord(yaml.value)) return new YamlMap(yaml, problems, [], yaml.value);
    problems.error(yaml.rangeOf([]), `${what} is a map of keys`);
    return undefined;
  }

  keys(): readonly string[] {
    return Object.keys(this.#value);
  }

  /** Whether the key is there with something in it. */
  has(key: string): boolean {
    return this.#value[key] !== undefined && this.#value[key] !== null;
  }

  /** Tells every key that is not one of those. */
  allow(known: readonly string[]): void {
    for (const key of this.keys()) {
      if (!known.includes(key))
        this.wrongKey(key, `${this.#name()} has no key ${key}`, suggest(key, known));
    }
  }

  /** The text at a key: also a number, as it is written. Undefined, and told, when there is anything else. */
  text(key: string): string | undefined {
    const text = this.#yaml.textOf([...this.path, key]);
    if (text === "") {
      this.wrong(key, `${this.#name(key)} is empty`);
      return undefined;
    }
    if (text === undefined && this.has(key)) {
      this.wrong(key, `${this.#name(key)} has to be a text`);
    }
    return text;
  }

  /** As {@link text}, and told when there is none. */
  needText(key: string): string | undefined {
    this.need(key);
    return this.text(key);
  }

  /** The map at a key. Undefined, and told, when there is anything else. */
  map(key: string): YamlMap | undefined {
    const value = this.#value[key];
    if (isRecord(value)) {
      return new YamlMap(this.#yaml, this.#problems, [...this.path, key], value);
    }
    if (this.has(key)) this.wrong(key, `${this.#name(key)} has to be a map of keys`);
    return undefined;
  }

  isMap(key: string): boolean {
    return isRecord(this.#value[key]);
  }

  /** Tells when the key is not there. */
  need(key: string): void {
    if (this.has(key)) return;
    if (key in this.#value) this.wrongKey(key, `${this.#name(key)} is empty`);
    else this.wrongSelf(`${this.#name()} lacks ${key}`);
  }

  /** Tells something about the value at a key. */
  wrong(key: string, message: string, hint?: Hint): void {
    this.#problems.error(this.#yaml.rangeOf([...this.path, key]), message, hint);
  }

  /** Tells something about a key itself. */
  wrongKey(key: string, message: string, hint?: Hint): void {
    this.#problems.error(this.#yaml.keyRangeOf([...this.path, key]), message, hint);
  }

  /** Tells something about the whole map, at its key where it has one. */
  wrongSelf(message: string, hint?: Hint): void {
    const range =
      this.path.length === 0 ? this.#yaml.rangeOf([]) : this.#yaml.keyRangeOf(this.path);
    this.#problems.error(range, message, hint);
  }

  /** Says something about a key that is no error. */
  warn(key: string, message: string, hint?: Hint): void {
    this.#problems.warning(this.#yaml.rangeOf([...this.path, key]), message, hint);
  }

  #name(key?: string): string {
    const path = [...this.path, ...(key === undefined ? [] : [key])];
    return path.length === 0 ? "the file" : path.join(".");
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date)
  );
}
