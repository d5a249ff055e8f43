/**
 * What a JSON schema says of a YAML text, for a person.
 *
 * A validator tells every branch of every alternative that failed. Of alternatives the one that was most likely meant is
 * told, and of that only what is wrong in it and not that something is.
 */
import { type OutputUnit, type Schema, type SchemaDraft, Validator } from "@cfworker/json-schema";
import { suggest } from "../spec/did-you-mean.ts";
import type { Problems } from "../spec/problems.ts";
import type { YamlPath, YamlSource } from "../yaml/yaml-source.ts";

/** Errors that say only that others are below them. */
const structural = new Set([
  "allOf",
  "$ref",
  "properties",
  "patternProperties",
  "additionalProperties",
  "items",
  "additionalItems",
  "if",
  "then",
  "else",
  "dependencies",
  "false",
]);
const alternatives = new Set(["anyOf", "oneOf"]);

/** Adds what the schema finds wrong with the value at `top`. */
export function checkSchema(
  yaml: YamlSource,
  schema: Schema,
  problems: Problems,
  top: YamlPath = [],
): void {
  const draft: SchemaDraft = schema.$schema?.includes("draft-04") === true ? "4" : "7";
  const value = valueAt(yaml.value, top);
  const { valid, errors } = new Validator(schema, draft, false).validate(value);
  if (valid) return;
  const told = new Set<string>();
  for (const error of likely(errors)) {
    const found = explain(error, errors, schema, value);
    if (found === undefined) continue;
    const path = [...top, ...found.path];
    const range = found.isKey ? yaml.keyRangeOf(path) : yaml.rangeOf(path);
    const text = `${range.start} ${found.message}`;
    if (told.has(text)) continue;
    told.add(text);
    problems.error(range, found.message, found.hint);
  }
}

/** The errors without those of alternatives that were hardly meant. */
function likely(errors: readonly OutputUnit[]): readonly OutputUnit[] {
  let left = [...errors];
  // From the inside out, so that what an inner choice was hardly meant to be does not speak against its outer one.
  const choices = errors
    .filter(({ keyword }) => alternatives.has(keyword))
    .toSorted((a, b) => b.keywordLocation.length - a.keywordLocation.length);
  for (const choice of choices) {
    const below = left.filter((error) => isBelow(error, choice));
    const branches = new Map<string, OutputUnit[]>();
    for (const error of below) {
      const branch = branchOf(error, choice);
      branches.set(branch, [...(branches.get(branch) ?? []), error]);
    }
    const ranked = [...branches.values()].sort((a, b) => compare(rank(a, choice), rank(b, choice)));
    const dropped = new Set(ranked.slice(1).flat());
    left = left.filter((error) => !dropped.has(error));
  }
  return left;
}

function isBelow(error: OutputUnit, choice: OutputUnit): boolean {
  return (
    error.keywordLocation.startsWith(`${choice.keywordLocation}/`) &&
    `${error.instanceLocation}/`.startsWith(`${choice.instanceLocation}/`)
  );
}

function branchOf(error: OutputUnit, choice: OutputUnit): string {
  return error.keywordLocation.slice(choice.keywordLocation.length + 1).split("/", 1)[0] ?? "";
}

/** Less is more likely: first that it says itself to be another kind of thing, then its shape, then how far it fits. */
function rank(branch: readonly OutputUnit[], choice: OutputUnit): readonly number[] {
  const count = (test: (error: OutputUnit) => boolean) => branch.filter(test).length;
  return [
    count(
      ({ keyword, instanceLocation }) => keyword === "enum" && instanceLocation.endsWith("/type"),
    ),
    count(
      ({ keyword, instanceLocation }) =>
        keyword === "type" && instanceLocation === choice.instanceLocation,
    ),
    count(
      ({ keyword, instanceLocation }) =>
        keyword === "required" && instanceLocation === choice.instanceLocation,
    ),
    branch.length,
  ];
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

interface Explained {
  readonly path: YamlPath;
  readonly isKey: boolean;
  readonly message: string;
  readonly hint?: string;
}

function explain(
  error: OutputUnit,
  errors: readonly OutputUnit[],
  root: Schema,
  value: unknown,
): Explained | undefined {
  const { keyword, instanceLocation, keywordLocation } = error;
  const path = pathOf(instanceLocation);
  const next = errors[errors.indexOf(error) + 1];
  if (keyword === "additionalProperties" && next?.keyword === "false") {
    const key = String(pathOf(next.instanceLocation).at(-1));
    const known = Object.keys(schemaAround(root, keywordLocation).properties ?? {});
    return {
      path: [...path, key],
      isKey: true,
      message:
        path.length === 0 ? `cloud-init knows no key ${key}` : `${nameOf(path)} has no key ${key}`,
      ...(known.length === 0 ? {} : { hint: suggest(key, known) }),
    };
  }
  if (structural.has(keyword)) return undefined;
  if (alternatives.has(keyword)) {
    if (errors.some((other) => isBelow(other, error))) return undefined;
    return { path, isKey: false, message: `${nameOf(path)} is of more than one form` };
  }
  const schema = schemaAround(root, keywordLocation);
  if (keyword === "type") {
    const types = [schema.type ?? []].flat().map((type) => typeNames[type] ?? type);
    const found = typeNames[typeOf(valueAt(value, path))];
    return {
      path,
      isKey: false,
      message: `${nameOf(path)} has to be ${types.join(" or ")}, not ${found}`,
    };
  }
  if (keyword === "enum") {
    const values = (schema.enum ?? []).map(String);
    const given = valueAt(value, path);
    return {
      path,
      isKey: false,
      message: `${nameOf(path)} cannot be ${JSON.stringify(given)}`,
      hint: suggest(String(given), values),
    };
  }
  if (keyword === "required") {
    const missing = /"([^"]*)"/.exec(error.error)?.[1] ?? "a key";
    return { path, isKey: path.length > 0, message: `${nameOf(path)} lacks ${missing}` };
  }
  const text = error.error.replace(/\.$/, "");
  return {
    path,
    isKey: false,
    message: `${nameOf(path)}: ${text.charAt(0).toLowerCase()}${text.slice(1)}`,
  };
}

const typeNames: Readonly<Record<string, string>> = {
  array: "a list",
  boolean: "true or false",
  integer: "a whole number",
  null: "nothing",
  number: "a number",
  object: "a map",
  string: "a text",
};

function typeOf(value: unknown): string {
  if (value === null || value === undefined) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

function nameOf(path: YamlPath): string {
  const named = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${part}`)).join("");
  return named === "" ? "it" : named.replace(/^\./, "");
}

function valueAt(value: unknown, path: YamlPath): unknown {
  let at: unknown = value;
  for (const part of path) at = (at as Record<string | number, unknown> | undefined)?.[part];
  return at;
}

/** The parts of a JSON pointer that is written as a URI fragment (RFC 6901). */
function pointerParts(pointer: string): string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((part) => decodeURI(part).replaceAll("~1", "/").replaceAll("~0", "~"));
}

function pathOf(instanceLocation: string): YamlPath {
  return pointerParts(instanceLocation).map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}

/** The schema that has the keyword at `keywordLocation`. */
function schemaAround(root: Schema, keywordLocation: string): Schema {
  let at: unknown = root;
  for (const part of pointerParts(keywordLocation).slice(0, -1)) {
    if (part === "$ref") {
      const reference = (at as Schema).$ref ?? "#";
      at = root;
      for (const step of pointerParts(reference)) at = (at as Record<string, unknown>)[step];
    } else {
      at = (at as Record<string, unknown>)[part];
    }
  }
  return at ?? {};
}
