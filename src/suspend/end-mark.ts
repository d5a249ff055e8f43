/** Splits one order's output from the mark the agent ends it with. */
export interface MarkScanner {
  /** What of the output may be passed on now; bytes that may begin the mark are held back. */
  push(chunk: Buffer): Buffer;
  /** True when the mark has come. */
  readonly ended: boolean;
}

/** A scanner for output that ends with `mark`. What follows the mark is dropped. */
export function markScanner(mark: Buffer): MarkScanner {
  let held = Buffer.alloc(0);
  let ended = false;
  return {
    get ended() {
      return ended;
    },
    push(chunk) {
      if (ended) return Buffer.alloc(0);
      const text = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      const at = text.indexOf(mark);
      if (at >= 0) {
        ended = true;
        return text.subarray(0, at);
      }
      const keep = startOfMark(text, mark);
      held = Buffer.from(text.subarray(text.length - keep));
      return text.subarray(0, text.length - keep);
    },
  };
}

/** How many bytes at the end of `text` may be the start of the mark. */
function startOfMark(text: Buffer, mark: Buffer): number {
  for (let length = Math.min(mark.length - 1, text.length); length > 0; length--) {
    if (text.subarray(text.length - length).equals(mark.subarray(0, length))) return length;
  }
  return 0;
}
