import { failed, ok, type Result } from "../result.ts";
import { decodeFrom } from "./decode-from.ts";
import { decodeOp, isOpName } from "./decode-op.ts";
import { found, type Node, nodeOf } from "./decode-value.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { nearest } from "./did-you-mean.ts";
import { Problems } from "./problems.ts";
import { atomInMessage } from "./quote-atom.ts";
import { Scope } from "./scope.ts";
import type { Sexp, SexpDocument, SexpList } from "./sexp.ts";
import type { ChildBuild, From, Op, Spec } from "./spec.ts";
import { checkNotEmpty } from "./validate.ts";

/** A spec that decoded, with what is suspicious in it. */
export interface DecodedSpec {
  readonly spec: Spec;
  readonly warnings: Diagnostic[];
}

/**
 * What an S-expression says as a spec: `t_of_sexp` of OBuilder's `lib_spec/spec.ml` with its
 * validation, our own directives, and checks of what cannot work.
 *
 * Everything OBuilder accepts and could build is accepted with the same meaning. Fails with every error of
 * the text, and its warnings, in the order of the text.
 */
export function decodeSpec(document: SexpDocument): Result<DecodedSpec, Diagnostic[]> {
  const problems = new Problems(document.source);
  const spec = decodeStage(document.sexp, new Scope(), problems);
  const diagnostics = problems.inOrder();
  return problems.hasErrors ? failed(diagnostics) : ok({ spec, warnings: diagnostics });
}

const example = 'a spec looks like `((from NAME) (run (shell "COMMAND")))`';

/** One `((build …) … (from …) OP …)`. After an error the result holds what could be made out. */
function decodeStage(sexp: Sexp, scope: Scope, problems: Problems): Spec {
  const childBuilds: ChildBuild[] = [];
  const nothing: From = { name: "", range: sexp.range };
  if (sexp.kind === "atom" || sexp.items[0]?.kind === "atom") {
    reportNoSpec(sexp.kind === "atom" ? sexp : (sexp.items[0] ?? sexp), problems);
    return { childBuilds, from: nothing, ops: [] };
  }
  const { before, from, after } = splitAtFrom(sexp, problems);
  for (const item of before) {
    const build = nodeOf(item);
    if (build?.name === "build") decodeBuild(build, childBuilds, scope, problems);
    else decodeBeforeFrom(item, scope, problems);
  }
  return {
    childBuilds,
    from: from === undefined ? nothing : decodeFrom(from, problems),
    ops: decodeOps(after, scope, problems),
  };
}

/** The parts of a stage. Without a `from`, which is an error, the builds that lead are `before`. */
function splitAtFrom(
  { items, range }: SexpList,
  problems: Problems,
): { readonly before: readonly Sexp[]; readonly from?: Node; readonly after: readonly Sexp[] } {
  const nodes = items.map(nodeOf);
  const at = nodes.findIndex((node) => node?.name === "from");
  const from = nodes[at];
  if (from !== undefined) return { before: items.slice(0, at), from, after: items.slice(at + 1) };

  const misspelt = nodes.findIndex((node) => isMisspeltFrom(node?.name));
  const head = nodes[misspelt]?.head;
  if (head !== undefined) {
    const message = `unknown directive ${atomInMessage(head.text)}`;
    problems.error(head.range, message, "did you mean `from`?");
    return { before: items.slice(0, misspelt), after: items.slice(misspelt + 1) };
  }
  const hint = "only `(build NAME (…))` may come before it";
  problems.error({ start: range.start, end: range.start + 1 }, "missing `(from NAME)`", hint);
  const firstOp = nodes.findIndex((node) => node?.name !== "build");
  const end = firstOp === -1 ? items.length : firstOp;
  return { before: items.slice(0, end), after: items.slice(end) };
}

function isMisspeltFrom(name: string | undefined): boolean {
  return name !== undefined && !isOpName(name) && nearest(name, ["from"]) !== undefined;
}

function decodeOps(items: readonly Sexp[], scope: Scope, problems: Problems): Op[] {
  const ops: Op[] = [];
  for (const item of items) {
    const node = nodeOf(item);
    // A build in a wrong place is an error of its own; `copy` may name it all the same.
    if (node?.name === "build") decodeBuild(node, [], scope, problems);
    const op = decodeOp(item, scope, problems);
    if (op !== undefined) ops.push(op);
  }
  return ops;
}

function decodeBuild(
  node: Node,
  childBuilds: ChildBuild[],
  scope: Scope,
  problems: Problems,
): void {
  const [name, stage] = node.args;
  if (name?.kind !== "atom" || stage === undefined || node.args.length > 2) {
    const hint = "write `(build NAME ((from …) …))`";
    problems.error(node.head.range, "`build` takes a name and a spec", hint);
    if (name?.kind === "atom") scope.add(name, problems);
    return;
  }
  checkNotEmpty(name, "the name of the build", problems);
  const spec = decodeStage(stage, new Scope(scope), problems);
  childBuilds.push({ name: name.text, spec, range: node.list.range });
  scope.add(name, problems);
}

function decodeBeforeFrom(item: Sexp, scope: Scope, problems: Problems): void {
  const node = nodeOf(item);
  if (node !== undefined && isOpName(node.name)) {
    const hint = "`(from NAME)` comes first, after any `(build NAME (…))`";
    problems.error(node.head.range, `\`${node.name}\` before \`from\``, hint);
    decodeOp(item, scope, problems);
    return;
  }
  const near = node && nearest(node.name, ["build", "from"]);
  const hint = near && `did you mean \`${near}\`?`;
  const message = "expected `(build NAME (…))` or `(from NAME)`";
  problems.error(node?.head.range ?? item.range, `${message}, ${found(node?.head ?? item)}`, hint);
}

function reportNoSpec(atom: Sexp, problems: Problems): void {
  const name = atom.kind === "atom" ? atom.text : "";
  const isBare = name === "from" || name === "build" || isOpName(name);
  const hint = isBare ? "put one more pair of parentheses around the whole spec" : example;
  problems.error(atom.range, `expected \`(from NAME)\`, ${found(atom)}`, hint);
}
