/** Looking at thousands of files without holding everything else up. */

/** A few milliseconds' work. */
const BATCH = 256;

/**
 * What `look` gives for each item, in order. `look` may use the synchronous calls of `node:fs`, which cost a
 * third of the asynchronous ones; between batches other work gets its turn.
 */
export async function inBatches<T, R>(
  items: readonly T[],
  look: (item: T) => R,
): Promise<readonly R[]> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += BATCH) {
    if (start > 0) await new Promise((resolve) => setImmediate(resolve));
    for (const item of items.slice(start, start + BATCH)) results.push(look(item));
  }
  return results;
}
