import { type Node, onlyText } from "./decode-value.ts";
import { isDigest, splitPin } from "./pinned-name.ts";
import type { Problems } from "./problems.ts";
import type { SexpAtom } from "./sexp.ts";
import type { From } from "./spec.ts";
import { checkNotEmpty } from "./validate.ts";

/** `(from NAME)`, and our `(from NAME@sha256:DIGEST)` whose digest is 64 hex digits of either case. */
export function decodeFrom(node: Node, problems: Problems): From {
  const { range } = node.list;
  const atom = onlyText(node, "one name", problems);
  if (atom === undefined) return { name: "", range };
  const { name, digest, pinAt } = splitPin(atom.text);
  checkNotEmpty({ ...atom, text: name }, "the name of the base image", problems);
  if (digest === undefined) return { name, range };
  if (!isDigest(digest)) {
    const message = "expected the 64 hex digits of a SHA-256 after `@sha256:`";
    problems.error(digestRange(atom, pinAt), message, `found ${digest.length} characters`);
  }
  return { name, digest: digest.toLowerCase(), range };
}

function digestRange(atom: SexpAtom, pinAt: number): SexpAtom["range"] {
  const { start, end } = atom.range;
  return atom.quoted ? atom.range : { start: start + pinAt, end };
}
