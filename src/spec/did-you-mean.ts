import { distance } from "fastest-levenshtein";
import { atomInMessage } from "./quote-atom.ts";

/** Longer words are no typo of a name, and the distance costs the product of the lengths. */
const longestWord = 64;

/** How many candidates are listed where none is near. */
const maxListed = 10;

/**
 * The candidate that `word` was most likely meant to be: equal but for case or two swapped neighbours, or
 * at most a third of its letters (and at least one) away. The first of equally near ones; undefined
 * when none is near.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > longestWord) return undefined;
  const lowerCase = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    if (candidate.length > longestWord) continue;
    const found = typingErrors(lowerCase, candidate.toLowerCase());
    if (found < bestDistance) {
      best = candidate;
      bestDistance = found;
    }
  }
  return best;
}

/** The hint for a wrong word: a "did you mean" where one is near, else the list of what is possible. */
export function suggest(word: string, candidates: readonly string[]): string {
  const near = nearest(word, candidates);
  if (near !== undefined) return `did you mean ${atomInMessage(near)}?`;
  const names = candidates.slice(0, maxListed).map(atomInMessage).join(", ");
  const more = candidates.length > maxListed ? ", …" : "";
  return candidates.length === 1 ? `expected ${names}` : `expected one of ${names}${more}`;
}

/** Levenshtein's distance, but a swap of two neighbours in an otherwise equal word counts once. */
function typingErrors(word: string, candidate: string): number {
  const edits = distance(word, candidate);
  if (edits !== 2 || word.length !== candidate.length) return edits;
  let at = 0;
  while (word[at] === candidate[at]) at += 1;
  const isSwap = word[at] === candidate[at + 1] && word[at + 1] === candidate[at];
  return isSwap ? 1 : edits;
}
