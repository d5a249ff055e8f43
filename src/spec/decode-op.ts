import { decodeCopy } from "./decode-copy.ts";
import { decodeRun } from "./decode-run.ts";
import { decodeUser } from "./decode-user.ts";
import {
  argumentsRange,
  atomsOf,
  count,
  found,
  type Node,
  nodeOf,
  onlyText,
} from "./decode-value.ts";
import { nearest, suggest } from "./did-you-mean.ts";
import type { Problems } from "./problems.ts";
import { atomInMessage } from "./quote-atom.ts";
import type { Scope } from "./scope.ts";
import type { Sexp } from "./sexp.ts";
import type { EnvOp, Op } from "./spec.ts";
import { checkEnvName, checkShell } from "./validate.ts";

/** How each directive is written, for hints; its keys are the names of all of them. */
const usage = {
  comment: '(comment "TEXT")',
  workdir: "(workdir PATH)",
  shell: "(shell ARG …)",
  env: "(env NAME VALUE)",
  user: "(user (uid N) (gid N))",
  run: '(run (shell "COMMAND"))',
  copy: "(copy (src PATH …) (dst PATH))",
  reboot: "(reboot)",
} satisfies Record<Op["op"], string>;

const opNames = Object.keys(usage) as Op["op"][];

/** Directives whose values OBuilder keeps in one record or pair, and writes without its parentheses. */
const inlineOps: ReadonlySet<string> = new Set<Op["op"]>(["run", "copy", "user", "env"]);

/** Whether a directive of this name exists, spelt as specs usually do. */
export function isOpName(name: string): name is Op["op"] {
  return Object.hasOwn(usage, name);
}

/**
 * One directive, as `op_of_sexp` in OBuilder's `lib_spec/spec.ml` reads it, and our `(reboot)`.
 *
 * It capitalises the first letter of the name after asking whether the name is one whose fields stand
 * inline. So `(Comment x)` is `(comment x)`, but `Run`, `Copy`, `User` and `Env` take their fields in
 * one more pair of parentheses: `(Run ((shell x)))`.
 *
 * Undefined when it is no known directive, which is then an error; an op that is returned beside new
 * errors may hold anything.
 */
export function decodeOp(sexp: Sexp, scope: Scope, problems: Problems): Op | undefined {
  const node = nodeOf(sexp);
  if (node === undefined) {
    problems.error(sexp.range, `expected a directive, ${found(sexp)}`, notANodeHint(sexp));
    return undefined;
  }
  const name = node.name.slice(0, 1).toLowerCase() + node.name.slice(1);
  if (!isOpName(name)) {
    reportUnknown(node, problems);
    return undefined;
  }
  const isCapitalised = inlineOps.has(name) && node.name !== name;
  const inline = isCapitalised ? unwrapCapitalised(name, node, problems) : node;
  return inline && decoders[name](inline, scope, problems);
}

type OpDecoder = (node: Node, scope: Scope, problems: Problems) => Op;

const decoders: Readonly<Record<Op["op"], OpDecoder>> = {
  comment: (node, _scope, problems) => {
    const text = onlyText(node, "one text", problems)?.text ?? "";
    return { op: "comment", text, range: node.list.range };
  },
  workdir: (node, _scope, problems) => {
    const path = onlyText(node, "one path", problems)?.text ?? "";
    return { op: "workdir", path, range: node.list.range };
  },
  shell: (node, _scope, problems) => {
    const argv = atomsOf(node.args, "an argument", problems);
    if (argv.length === node.args.length) checkShell(argv, node.head.range, problems);
    return { op: "shell", argv: argv.map((arg) => arg.text), range: node.list.range };
  },
  env: (node, _scope, problems) => decodeEnv(node, problems),
  user: (node, _scope, problems) => decodeUser(node, problems),
  run: (node, _scope, problems) => decodeRun(node, problems),
  copy: decodeCopy,
  reboot: (node, _scope, problems) => {
    if (node.args.length > 0) problems.error(argumentsRange(node), "`reboot` takes no arguments");
    return { op: "reboot", range: node.list.range };
  },
};

/** `(Run (FIELD …))` as `(run FIELD …)`. */
function unwrapCapitalised(name: string, node: Node, problems: Problems): Node | undefined {
  const [only] = node.args;
  if (only?.kind === "list" && node.args.length === 1) {
    const isOneField = name !== "env" && only.items[0]?.kind === "atom";
    if (!isOneField) return { ...node, args: only.items };
  }
  const message = `\`${node.name}\` with a capital takes its fields in one more pair of parentheses`;
  problems.error(node.head.range, message, `did you mean \`${name}\`?`);
  return undefined;
}

function decodeEnv(node: Node, problems: Problems): EnvOp {
  const { range } = node.list;
  const [name, value] = atomsOf(node.args, "a name and a value", problems);
  if (name !== undefined) checkEnvName(name, problems);
  // `(env NAME=VALUE)` has got its message from the check of the name.
  if (node.args.length !== 2 && name?.text.includes("=") !== true) {
    const message = `\`env\` takes a name and a value, found ${count(node.args)}`;
    problems.error(argumentsRange(node), message, `write \`${usage.env}\``);
  }
  return { op: "env", name: name?.text ?? "", value: value?.text ?? "", range };
}

function reportUnknown(node: Node, problems: Problems): void {
  const { name, head } = node;
  if (name === "build") {
    const message = "`build` after `from`";
    problems.error(head.range, message, "nested builds come before `(from …)`");
  } else if (name === "from") {
    const hint = "another image is another `(build NAME ((from …) …))` before this one";
    problems.error(head.range, "a second `from`", hint);
  } else {
    const near = nearest(name, ["build", "from"]);
    const hint = near === undefined ? suggest(name, opNames) : `did you mean \`${near}\`?`;
    problems.error(head.range, `unknown directive ${atomInMessage(name)}`, hint);
  }
}

function notANodeHint(sexp: Sexp): string | undefined {
  if (sexp.kind === "atom" && isOpName(sexp.text)) return `write \`${usage[sexp.text]}\``;
  if (sexp.kind === "list" && sexp.items[0]?.kind === "list")
    return "remove one pair of parentheses";
  return undefined;
}
