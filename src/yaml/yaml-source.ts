import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  parseDocument,
  type Tags,
  visit,
  type YAMLWarning,
} from "yaml";
import type { Problems } from "../spec/problems.ts";
import type { SourceRange } from "../spec/source.ts";

/** Where in a document something is: keys of maps and positions in lists, from the outermost on. */
export type YamlPath = readonly (string | number)[];

/** A text as YAML, with the places of what is in it. */
export interface YamlSource {
  /** As PyYAML reads it. */
  readonly value: unknown;
  /**
   * The single value at `path` as a text: a number, a truth or a date as it is written, so that `9.10` keeps its zero.
   * Undefined for maps, lists and nothing.
   */
  textOf(path: YamlPath): string | undefined;
  /** Where the value at `path` is, or what is around it when there is none. */
  rangeOf(path: YamlPath): SourceRange;
  /** Where the last key of `path` is written, or its value in a list. */
  keyRangeOf(path: YamlPath): SourceRange;
}

/** Mistakes that are told of one text; a bracket that is left open may be thousands. */
const MOST_TOLD = 20;

/** Reads a text as YAML 1.1, which is what programs in Python read. Undefined when it is none, with the problems told. */
export function readYaml(problems: Problems): YamlSource | undefined {
  const { text } = problems.source;
  const control = unprintable.exec(text);
  if (control !== null) {
    const code = control[0].charCodeAt(0).toString(16).padStart(2, "0");
    problems.error(
      { start: control.index, end: control.index + 1 },
      `YAML has no character 0x${code}`,
    );
    return undefined;
  }
  const document = parseYaml(text);
  const errors = [...document.errors, ...document.warnings.filter(isUnknownTag)];
  for (const { pos, code, message } of errors.slice(0, MOST_TOLD)) {
    const told =
      code === "MULTIPLE_DOCS" ? "a second document begins here, and one is read" : message;
    problems.error({ start: pos[0], end: Math.max(pos[1], pos[0] + 1) }, asClause(told));
  }
  if (errors.length > 0) return undefined;
  let isWhole = true;
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return;
      const [start = 0, end = 1] = alias.range ?? [];
      problems.error({ start, end }, `there is no anchor &${alias.source} before this`);
      isWhole = false;
    },
  });
  if (!isWhole) return undefined;
  let value: unknown;
  try {
    value = document.toJS() as unknown;
  } catch (error) {
    const { message } = error as Error;
    problems.error(
      { start: 0, end: 1 },
      error instanceof RangeError ? "it is nested too deeply" : asClause(message),
    );
    return undefined;
  }
  return {
    value,
    textOf: (path) => textOf(document, value, path),
    rangeOf: (path) => rangeOf(document, path),
    keyRangeOf: (path) => keyRangeOf(document, path) ?? rangeOf(document, path),
  };
}

/** What PyYAML refuses as unprintable, apart from lone surrogates, which no UTF-8 has. */
// oxlint-disable-next-line no-control-regex -- control characters are what it is about
const unprintable = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufffe\uffff]/;

/** PyYAML's safe loader builds nothing for a tag that it does not know; `yaml` goes on without it. */
function isUnknownTag({ code }: YAMLWarning): boolean {
  return code === "TAG_RESOLVE_FAILED";
}

/** A text as cloud-init reads it: in YAML 1.1. */
export function parseYaml(text: string): Document.Parsed {
  return parseDocument(text, { version: "1.1", prettyErrors: false, customTags: asPyYaml });
}

/** A document as text, which cloud-init reads as what it is; long lines stay whole. */
export function yamlText(document: Document): string {
  return document.toString({ lineWidth: 0 });
}

/** The truths of YAML 1.1 without `y` and `n`, which PyYAML leaves as texts. */
function asPyYaml(tags: Tags): Tags {
  return tags.map((tag) => {
    if (typeof tag === "string" || tag.tag !== "tag:yaml.org,2002:bool") return tag;
    const isTrue = "test" in tag && (tag.test?.test("true") ?? false);
    return {
      ...tag,
      test: isTrue
        ? /^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/
        : /^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/,
    } as typeof tag;
  });
}

function textOf(document: Document, value: unknown, path: YamlPath): string | undefined {
  let at: unknown = value;
  let node: unknown = document.contents;
  for (const part of path) {
    if (typeof at !== "object" || at === null) return undefined;
    at = (at as Record<string | number, unknown>)[part];
    node = childOf(document, node, part);
  }
  if (typeof at === "string") return at;
  const resolved = isAlias(node) ? node.resolve(document) : node;
  const isSingle = isScalar(resolved) && at !== null && at !== undefined;
  return isSingle ? (resolved.source ?? String(at)) : undefined;
}

/** What a map or a list has for a key, also where that is merged from another map (`<<`). */
function childOf(document: Document, parent: unknown, key: string | number): unknown {
  const node = isAlias(parent) ? parent.resolve(document) : parent;
  if (isSeq(node)) return node.items[Number(key)];
  if (!isMap(node)) return undefined;
  const own = node.items.find((pair) => isScalar(pair.key) && String(pair.key) === String(key));
  if (own !== undefined) return own.value;
  const merged = node.items.find((pair) => isScalar(pair.key) && pair.key.source === "<<")?.value;
  const others = isSeq(merged) ? merged.items : [merged];
  for (const other of others) {
    const found = other === undefined ? undefined : childOf(document, other, key);
    if (found !== undefined) return found;
  }
  return undefined;
}

function rangeOf(document: Document, path: YamlPath): SourceRange {
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return { start: node.range[0], end: node.range[1] };
  }
  return { start: 0, end: 1 };
}

function keyRangeOf(document: Document, path: YamlPath): SourceRange | undefined {
  const above = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (!isMap(above)) return undefined;
  const pair = above.items.find(({ key }) => isNode(key) && String(key) === String(path.at(-1)));
  const range = isNode(pair?.key) ? pair.key.range : undefined;
  return range ? { start: range[0], end: range[1] } : undefined;
}

/** As diagnostics are written: it begins in lower case and has no full stop. */
function asClause(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1).replace(/\.$/, "");
}
