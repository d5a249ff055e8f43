import { readRecord, type RecordShape } from "./decode-record.ts";
import { found, type Node, nodeOf, onlyArgument, onlyText } from "./decode-value.ts";
import type { Problems } from "./problems.ts";
import { clippedAtom } from "./quote-atom.ts";
import type { Sexp } from "./sexp.ts";
import type { CacheMount } from "./spec.ts";
import { checkNotEmpty } from "./validate.ts";

/** Caches and secrets are written alike; secrets only have a usual place. */
type MountKind = "cache" | "secret";

/** What to put for PATH in a hint. */
const usualTargets = {
  cache: () => "PATH",
  secret: (id: string) => clippedAtom(`/run/secrets/${id}`),
};

/**
 * The mounts in `(cache …)` or `(secrets …)`, as OBuilder's `lib_spec/cache.ml` and `secret.ml` read
 * them: each is `(NAME (target PATH) (buildkit_options ((KEY VALUE) …)))`.
 */
export function decodeMounts(
  field: Node | undefined,
  kind: MountKind,
  problems: Problems,
): CacheMount[] {
  const mounts: CacheMount[] = [];
  for (const item of field?.args ?? []) {
    const entry = nodeOf(item);
    if (entry !== undefined) {
      if (isNameless(entry)) reportNameless(entry, kind, problems);
      else mounts.push(decodeMount(entry, kind, problems));
      continue;
    }
    const name = item.kind === "atom" ? item.text : "NAME";
    const target = usualTargets[kind](name);
    const hint = `write \`(${field?.name} (${clippedAtom(name)} (target ${target})))\``;
    problems.error(item.range, `expected a ${kind} in parentheses, ${found(item)}`, hint);
    // `(cache NAME (target PATH))`: what follows is a part of this mistake.
    break;
  }
  return mounts;
}

/** `(cache (target PATH))`. */
function isNameless({ name, args }: Node): boolean {
  return name === "target" && args[0]?.kind === "atom";
}

function reportNameless(entry: Node, kind: MountKind, problems: Problems): void {
  problems.error(entry.list.range, `this ${kind} has no name`, written(kind));
}

function written(kind: MountKind): string {
  return `a ${kind} is written \`(NAME (target PATH))\``;
}

function decodeMount(entry: Node, kind: MountKind, problems: Problems): CacheMount {
  const target = `add \`(target ${usualTargets[kind](entry.name)})\``;
  const shape: RecordShape = {
    owner: `this ${kind}`,
    fields: ["target", "buildkit_options"],
    required: { target },
    stray: () => written(kind),
  };
  checkNotEmpty(entry.head, `the name of the ${kind}`, problems);
  const fields = readRecord(entry.args, entry.head.range, shape, problems);
  const targetField = fields.get("target");
  const path = targetField && onlyText(targetField, "one path", problems);
  checkNotEmpty(path, "the target", problems);
  return {
    id: entry.name,
    target: path?.text ?? "",
    buildkitOptions: decodeBuildkitOptions(fields.get("buildkit_options"), problems),
    range: entry.list.range,
  };
}

function decodeBuildkitOptions(field: Node | undefined, problems: Problems): [string, string][] {
  const list = field && onlyArgument(field, "one list", problems);
  if (list === undefined) return [];
  const options: [string, string][] = [];
  const pairs: readonly Sexp[] = list.kind === "list" ? list.items : [list];
  for (const pair of pairs) {
    const [key, value, more] = pair.kind === "list" ? pair.items : [];
    if (key?.kind === "atom" && value?.kind === "atom" && more === undefined) {
      options.push([key.text, value.text]);
    } else {
      const hint = "write `(buildkit_options ((KEY VALUE) …))`";
      problems.error(pair.range, `expected \`(KEY VALUE)\`, ${found(pair)}`, hint);
    }
  }
  return options;
}
