import { nodeOf, type Node } from "./decode-value.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { Problems } from "./problems.ts";
import type { Sexp, SexpDocument } from "./sexp.ts";

const message = (what: string): string => `${what} is vmbuild's own; OBuilder does not know it`;

/**
 * Errors for what vmbuild understands and OBuilder does not: `(timeout …)`, `(reboot)`, a pinned
 * `from`, and `gid` before `uid`. `document` is one that decodes; empty when OBuilder reads it alike.
 *
 * OBuilder takes `NAME@sha256:DIGEST` for the whole name of an image. Its Docker-based fetchers
 * resolve such a name, but its QEMU store looks for a disk called like that.
 */
export function strictObuilderDiagnostics(document: SexpDocument): Diagnostic[] {
  const problems = new Problems(document.source);
  checkStage(document.sexp, problems);
  return problems.inOrder();
}

function checkStage(stage: Sexp, problems: Problems): void {
  for (const item of stage.kind === "list" ? stage.items : []) {
    const node = nodeOf(item);
    if (node !== undefined) checkDirective(node, problems);
  }
}

function checkDirective(node: Node, problems: Problems): void {
  const [first, second] = node.args;
  switch (node.name) {
    case "build":
      if (second !== undefined) checkStage(second, problems);
      break;
    case "from":
      if (first?.kind === "atom" && first.text.includes("@sha256:")) {
        problems.error(first.range, message("a pinned base image"));
      }
      break;
    case "reboot":
    case "Reboot":
      problems.error(node.list.range, message("`reboot`"));
      break;
    case "run":
      checkRun(node.args, problems);
      break;
    case "Run":
      if (first?.kind === "list") checkRun(first.items, problems);
      break;
    case "user":
      checkUser(node.args, problems);
      break;
    case "User":
      if (first?.kind === "list") checkUser(first.items, problems);
      break;
  }
}

function checkRun(fields: readonly Sexp[], problems: Problems): void {
  for (const field of fields) {
    const node = nodeOf(field);
    if (node?.name === "timeout") problems.error(node.list.range, message("`timeout`"));
  }
}

function checkUser(fields: readonly Sexp[], problems: Problems): void {
  const [first] = fields.map(nodeOf);
  if (first?.name !== "gid") return;
  const hint = "write `(user (uid N) (gid N))`";
  problems.error(first.list.range, message("`gid` before `uid`"), hint);
}
