import { readRecord, type RecordShape } from "./decode-record.ts";
import {
  argumentsRange,
  atomsOf,
  found,
  type Node,
  nodeOf,
  onlyArgument,
  onlyText,
} from "./decode-value.ts";
import { nearest } from "./did-you-mean.ts";
import type { Problems } from "./problems.ts";
import { clippedAtom } from "./quote-atom.ts";
import type { Scope } from "./scope.ts";
import type { Sexp } from "./sexp.ts";
import type { CopyOp, CopySource } from "./spec.ts";
import { checkCopyItems, checkCopySource, checkExclude } from "./validate.ts";

const shape: RecordShape = {
  owner: "`copy`",
  fields: ["from", "src", "dst", "exclude"],
  required: { src: "add `(src PATH …)`", dst: "add `(dst PATH)`" },
  stray: (sexp) =>
    sexp.kind === "list"
      ? "remove one pair of parentheses"
      : "write `(copy (src PATH …) (dst PATH))`",
};

/** `(copy …)`, as `copy_of_sexp` in OBuilder's `lib_spec/spec.ml` reads it. */
export function decodeCopy(node: Node, scope: Scope, problems: Problems): CopyOp {
  const fields = readRecord(node.args, node.head.range, shape, problems);
  const from = decodeSource(fields.get("from"), scope, problems);
  const dstField = fields.get("dst");
  const dst = dstField && onlyText(dstField, "one path", problems);
  const srcField = fields.get("src");
  const src = atomsOf(srcField?.args ?? [], "a path", problems);
  if (srcField !== undefined && src.length === srcField.args.length) {
    checkCopyItems({ paths: src, range: argumentsRange(srcField) }, dst, problems);
  }
  for (const path of src) checkCopySource(path, from.kind === "context", problems);
  const exclude = atomsOf(fields.get("exclude")?.args ?? [], "a base name", problems);
  for (const name of exclude) checkExclude(name, problems);
  return {
    op: "copy",
    from,
    src: src.map(({ text, range }) => ({ path: text, range })),
    dst: dst?.text ?? "",
    exclude: exclude.map((name) => name.text),
    range: node.list.range,
  };
}

function decodeSource(field: Node | undefined, scope: Scope, problems: Problems): CopySource {
  const value = field && onlyArgument(field, "`context` or `(build NAME)`", problems);
  if (value === undefined || (value.kind === "atom" && value.text === "context")) {
    return { kind: "context" };
  }
  const build = nodeOf(value);
  if (build?.name !== "build") {
    const message = `expected \`context\` or \`(build NAME)\`, ${found(value)}`;
    problems.error(build?.head.range ?? value.range, message, sourceHint(value, build, scope));
    return { kind: "context" };
  }
  const name = onlyText(build, "one name", problems);
  if (name !== undefined) scope.check(name, problems);
  return { kind: "build", name: name?.text ?? "" };
}

function sourceHint(value: Sexp, build: Node | undefined, scope: Scope): string | undefined {
  if (build !== undefined) return nearest(build.name, ["build"]) && "did you mean `build`?";
  if (value.kind !== "atom") return undefined;
  if (nearest(value.text, ["context"]) !== undefined) return "did you mean `context`?";
  if (!scope.has(value.text)) return undefined;
  return `write \`(from (build ${clippedAtom(value.text)}))\``;
}
