import type { Problems } from "./problems.ts";

/** In UTF-16 units. No spec comes near; it bounds the memory that a hostile one can take. */
export const maxTextLength = 4 * 1024 * 1024;

/** Adds the error for a text over the limit. */
export function tooLong(problems: Problems): undefined {
  problems.error({ start: 0, end: 0 }, "the text is larger than 4 MiB");
}
