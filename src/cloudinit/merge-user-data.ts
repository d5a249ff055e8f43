/**
 * A user-data with more in it: a cloud-config is merged with the user's, and becomes a part beside what is none.
 */
import { isMap, isSeq, isScalar, type Document, visit, type YAMLMap, type YAMLSeq } from "yaml";
import { failed, ok, type Result } from "../result.ts";
import type { CloudConfig, ConfigValue } from "./cloud-config.ts";
import { appendingMerge, multipart } from "./multipart.ts";
import { isGzip, userDataKind } from "./user-data-kind.ts";
import { parseYaml, yamlText } from "../yaml/yaml-source.ts";

/** What the user's cloud-config says under a key is of a form that nothing can be added to. */
export interface MergeProblem {
  /** As it is written, the outermost key first. */
  readonly key: string;
  /** What it has to be, with its article. */
  readonly expected: string;
}

/**
 * The user-data with what `config` says. Without a user-data it is a cloud-config of its own.
 *
 * What is new wins over what is there under the same key; lists become longer, without what they have already; of the
 * `users` those of one name become one. The user's own text is kept as far as it can be, comments too.
 */
export function mergeUserData(
  userData: Uint8Array | undefined,
  config: CloudConfig,
): Result<Uint8Array, MergeProblem> {
  const text = userData === undefined ? "" : Buffer.from(userData).toString("utf8");
  const isMergeable = userData === undefined || !isGzip(userData);
  if (isMergeable && userDataKind(text) === "cloud-config") return mergeCloudConfig(text, config);
  const part = {
    content: Buffer.from(cloudConfigText(parseYaml(""), withDefaultUser(config))),
    type: "text/cloud-config",
    mergeType: appendingMerge,
  };
  return ok(multipart([{ content: userData ?? new Uint8Array() }, part]));
}

function mergeCloudConfig(text: string, config: CloudConfig): Result<Uint8Array, MergeProblem> {
  const document = parseYaml(text);
  if (document.errors.length > 0) return failed({ key: "it", expected: "YAML" });
  if (document.contents === null || isEmptyScalar(document)) {
    document.contents = null;
    return ok(Buffer.from(cloudConfigText(document, withDefaultUser(config))));
  }
  withoutAliases(document);
  const top: unknown = document.contents;
  if (!isMap(top)) return failed({ key: "it", expected: "a map" });
  const hasUsers = top.has("users");
  const added = hasUsers ? config : withDefaultUser(config);
  const problem = mergeMap(document, top, added, []);
  return problem === undefined ? ok(Buffer.from(asCloudConfig(document))) : failed(problem);
}

/** What is added to a list must not come into another that stands for the same one; comments are lost by that. */
function withoutAliases(document: Document): void {
  let has = false;
  visit(document, {
    Alias() {
      has = true;
      return visit.BREAK;
    },
  });
  if (has) document.contents = document.createNode(document.toJS()) as typeof document.contents;
}

/** `users` alone would take the image's own account away. */
function withDefaultUser(config: CloudConfig): CloudConfig {
  const { users } = config;
  return Array.isArray(users) ? { ...config, users: ["default", ...users] } : config;
}

function cloudConfigText(document: Document, config: CloudConfig): string {
  document.contents = document.createNode(config);
  return asCloudConfig(document);
}

function asCloudConfig(document: Document): string {
  const text = yamlText(document);
  return text.startsWith("#cloud-config") ? text : `#cloud-config\n${text}`;
}

function isEmptyScalar({ contents }: Document): boolean {
  return isScalar(contents) && contents.value === null;
}

function mergeMap(
  document: Document,
  map: YAMLMap,
  added: Readonly<Record<string, ConfigValue>>,
  path: readonly string[],
): MergeProblem | undefined {
  for (const [key, value] of Object.entries(added)) {
    const at = [...path, key];
    const there: unknown = map.get(key, true);
    const isThere = there !== undefined && !(isScalar(there) && there.value === null);
    if (!isThere || typeof value !== "object") {
      map.set(key, document.createNode(value));
      continue;
    }
    const problem = Array.isArray(value)
      ? mergeList(document, there, value, at)
      : isMap(there)
        ? mergeMap(document, there, value as CloudConfig, at)
        : { key: at.join("."), expected: "a map" };
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function mergeList(
  document: Document,
  there: unknown,
  added: readonly ConfigValue[],
  path: readonly string[],
): MergeProblem | undefined {
  if (!isSeq(there)) return { key: path.join("."), expected: "a list" };
  for (const value of added) {
    const named = isUserOf(value) ? namedItem(there, value["name"]) : undefined;
    const alone = isUserOf(value) ? scalarAt(there, value["name"]) : -1;
    if (named !== undefined) {
      const problem = mergeMap(document, named, value as CloudConfig, path);
      if (problem !== undefined) return problem;
    } else if (alone >= 0) {
      // A name alone stands for an account with nothing more to say.
      there.set(alone, document.createNode(value));
    } else if (path.join() === "runcmd" || !hasScalar(there, value)) {
      there.add(document.createNode(value));
    }
  }
  return undefined;
}

function isUserOf(value: ConfigValue): value is { readonly name: string } {
  return typeof value === "object" && "name" in value;
}

function namedItem({ items }: YAMLSeq, name: string): YAMLMap | undefined {
  return items.find((item): item is YAMLMap => isMap(item) && item.get("name") === name);
}

function hasScalar(list: YAMLSeq, value: ConfigValue): boolean {
  return scalarAt(list, value) >= 0;
}

/** Where in a list the single value is; -1 when it is not. */
function scalarAt({ items }: YAMLSeq, value: ConfigValue): number {
  return items.findIndex((item) => isScalar(item) && item.value === value);
}
