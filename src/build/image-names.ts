/**
 * Names in `from` that stand for a base image or a tag of another name, such as a Docker image's:
 * `ocaml/opam:debian-12` for `debian-12`.
 */
import { failed, ok, type Result } from "../result.ts";
import { isDigest, type PinnedName, pinnedText, splitPin } from "../spec/pinned-name.ts";

/**
 * What names stand for, by the text of a `from` with its digest in lower case. What one stands for is a base
 * image or a tag, never another entry.
 */
export type ImageNames = ReadonlyMap<string, PinnedName>;

/** An entry that cannot be; `name` and `base` are as they were given. */
export type ImageNameProblem = { readonly name: string; readonly base: string } & (
  | {
      /** A side is no `NAME` or `NAME@sha256:` with 64 hex digits. */
      readonly reason: "image-name-malformed";
      readonly text: string;
    }
  /** The names differ in the case of their digest only. */
  | { readonly reason: "image-name-twice" }
  /** `base` is a name with an entry of its own, which leads to `end`; undefined when it leads in a circle. */
  | { readonly reason: "image-name-leads-on"; readonly end?: string }
);

/** Takes a table of names for what they stand for, each `NAME` or `NAME@sha256:DIGEST`. Finds every problem. */
export function imageNames(
  table: Iterable<readonly [name: string, base: string]>,
): Result<ImageNames, readonly ImageNameProblem[]> {
  const problems: ImageNameProblem[] = [];
  const names = new Map<string, PinnedName>();
  const given: [name: string, base: string, PinnedName][] = [];
  for (const [name, base] of table) {
    const key = readName(name);
    const value = readName(base);
    if (key === undefined || value === undefined) {
      const text = key === undefined ? name : base;
      problems.push({ reason: "image-name-malformed", name, base, text });
    } else if (names.has(pinnedText(key))) {
      problems.push({ reason: "image-name-twice", name, base });
    } else {
      names.set(pinnedText(key), value);
      given.push([name, base, value]);
    }
  }
  for (const [name, base, value] of given) {
    if (entryOf(value, names) === undefined) continue;
    const end = endOf(value, names);
    problems.push({
      reason: "image-name-leads-on",
      name,
      base,
      ...(end === undefined ? {} : { end: pinnedText(end) }),
    });
  }
  return problems.length > 0 ? failed(problems) : ok(names);
}

/** The entry that serves a `from`: the one for its whole text, or else the one for its name without the pin. */
export function entryOf(
  from: PinnedName,
  names: ImageNames,
): { readonly name: string; readonly base: PinnedName } | undefined {
  for (const name of [pinnedText(from), from.name]) {
    const base = names.get(name);
    if (base !== undefined) return { name, base };
  }
  return undefined;
}

function readName(text: string): PinnedName | undefined {
  const { name, digest } = splitPin(text);
  if (name === "" || (digest !== undefined && !isDigest(digest))) return undefined;
  return digest === undefined ? { name } : { name, digest: digest.toLowerCase() };
}

function endOf(start: PinnedName, names: ImageNames): PinnedName | undefined {
  const passed = new Set<string>();
  let at = start;
  for (let entry = entryOf(at, names); entry !== undefined; entry = entryOf(at, names)) {
    if (passed.has(entry.name)) return undefined;
    passed.add(entry.name);
    at = entry.base;
  }
  return at;
}
