import { type Node, onlyText } from "./decode-value.ts";
import type { Problems } from "./problems.ts";
import type { SexpAtom } from "./sexp.ts";
import type { From } from "./spec.ts";
import { checkNotEmpty } from "./validate.ts";

const pinMark = "@sha256:";

/** `(from NAME)`, and our `(from NAME@sha256:DIGEST)` whose digest is 64 hex digits of either case. */
export function decodeFrom(node: Node, problems: Problems): From {
  const { range } = node.list;
  const atom = onlyText(node, "one name", problems);
  if (atom === undefined) return { name: "", range };
  const mark = atom.text.indexOf(pinMark);
  const name = mark === -1 ? atom.text : atom.text.slice(0, mark);
  checkNotEmpty({ ...atom, text: name }, "the name of the base image", problems);
  if (mark === -1) return { name, range };
  const digest = atom.text.slice(mark + pinMark.length);
  if (!/^[\da-f]{64}$/iu.test(digest)) {
    const message = "expected the 64 hex digits of a SHA-256 after `@sha256:`";
    problems.error(digestRange(atom, mark), message, `found ${digest.length} characters`);
  }
  return { name, digest: digest.toLowerCase(), range };
}

function digestRange(atom: SexpAtom, mark: number): SexpAtom["range"] {
  const { start, end } = atom.range;
  return atom.quoted ? atom.range : { start: start + mark, end };
}
