/** What the decoders of all directives ask of single S-expressions. */
import type { Problems } from "./problems.ts";
import { atomInMessage, quoteAtom } from "./quote-atom.ts";
import type { Sexp, SexpAtom, SexpList } from "./sexp.ts";
import type { SourceRange } from "./source.ts";

/** A directive or field `(NAME VALUE …)` taken apart. */
export interface Node {
  readonly name: string;
  readonly head: SexpAtom;
  readonly list: SexpList;
  readonly args: readonly Sexp[];
}

/** `list` as a node; undefined when it does not start with an atom. */
export function nodeOf(list: Sexp): Node | undefined {
  if (list.kind !== "list") return undefined;
  const [head, ...args] = list.items;
  if (head?.kind !== "atom") return undefined;
  return { name: head.text, head, list, args };
}

/** What stands there, for "expected …, found …". */
export function found(sexp: Sexp): string {
  if (sexp.kind === "atom") return `found ${atomInMessage(sexp.text)}`;
  return sexp.items.length === 0 ? "found an empty list" : "found a list";
}

/** The atoms among `sexps`; the others are errors. */
export function atomsOf(sexps: readonly Sexp[], what: string, problems: Problems): SexpAtom[] {
  const atoms: SexpAtom[] = [];
  for (const sexp of sexps) {
    if (sexp.kind === "atom") atoms.push(sexp);
    else problems.error(sexp.range, `expected ${what}, ${found(sexp)}`);
  }
  return atoms;
}

/** The only value of `node`, which `what` describes (`one path`); an error for none or several. */
export function onlyArgument(node: Node, what: string, problems: Problems): Sexp | undefined {
  const [value] = node.args;
  if (node.args.length === 1) return value;
  const message = `\`${node.name}\` takes ${what}, found ${count(node.args)}`;
  problems.error(argumentsRange(node), message, quotesHint(node));
  return undefined;
}

/** The text of the only value of `node`. */
export function onlyText(node: Node, what: string, problems: Problems): SexpAtom | undefined {
  const value = onlyArgument(node, what, problems);
  if (value === undefined || value.kind === "atom") return value;
  problems.error(value.range, `\`${node.name}\` takes ${what}, ${found(value)}`);
  return undefined;
}

/** From the first to the last value, or the head where there is none. */
export function argumentsRange({ args, head }: Node): SourceRange {
  const start = args[0]?.range.start ?? head.range.start;
  return { start, end: args.at(-1)?.range.end ?? head.range.end };
}

/** How many values there are, for "found …". */
export function count(args: readonly Sexp[]): string {
  if (args.length === 0) return "nothing";
  return args.length === 1 ? "1 value" : `${args.length} values`;
}

/** Fields and directives whose value is often written as several words. */
const texts = new Set(["shell", "comment", "workdir", "dst", "target"]);

/** Words that were meant as one text: `(shell apt-get update)`. */
function quotesHint({ name, args }: Node): string | undefined {
  if (!texts.has(name)) return undefined;
  const words = args.map((arg) => (arg.kind === "atom" ? arg.text : undefined));
  if (words.length < 2 || words.includes(undefined)) return undefined;
  if (words.some((word) => /[“”„]/u.test(word ?? ""))) return 'quotes are straight: `"`';
  const text = words.join(" ");
  return text.length > 60
    ? "put quotes around it"
    : `put quotes around it: \`(${name} ${quoteAtom(text)})\``;
}
