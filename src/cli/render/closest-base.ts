import { distance } from "fastest-levenshtein";

/** Longer names are no name of a base image, and the distance costs the product of the lengths. */
const longestName = 200;

/**
 * The base image that a foreign name such as `ocaml/opam:debian-12` most likely means: the one that has most of its
 * words in common with it, and of those the one that is spelled most alike. A recipe only when it has more words in
 * common than all there is.
 */
export function closestBase(
  name: string,
  available: readonly string[],
  recipes: readonly string[],
): string | undefined {
  const short = name.slice(-longestName);
  const words = new Set(wordsOf(short));
  const ranked = [...available, ...recipes].map((base) => ({
    base,
    common: wordsOf(base).filter((word) => words.has(word)).length,
    rank: available.includes(base) ? 0 : 1,
    edits: distance(short, base),
  }));
  ranked.sort((a, b) => b.common - a.common || a.rank - b.rank || a.edits - b.edits);
  return ranked[0]?.base;
}

function wordsOf(name: string): readonly string[] {
  return [...new Set(name.toLowerCase().split(/[^a-z0-9]+/u))].filter((word) => word !== "");
}
