/** Splits a byte stream into lines; QMP has one JSON object per line (QMP spec, section 2). */
export interface LineSplitter {
  /**
   * The lines that `chunk` completed, without their ends and without empty ones, or `too-long` when
   * a line passed the limit; the stream is of no use after that.
   */
  push(chunk: Buffer): readonly string[] | "too-long";
}

const newline = 0x0a;

/** A splitter that holds at most `maxLineBytes` of an unfinished line. */
export function lineSplitter(maxLineBytes: number): LineSplitter {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  return {
    push(chunk) {
      const lines: string[] = [];
      let start = 0;
      for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
        pending.push(chunk.subarray(start, end));
        const line = Buffer.concat(pending).toString().trim();
        if (line !== "") lines.push(line);
        pending = [];
        pendingBytes = 0;
        start = end + 1;
      }
      const rest = chunk.subarray(start);
      if (rest.length > 0) pending.push(rest);
      pendingBytes += rest.length;
      return pendingBytes > maxLineBytes ? "too-long" : lines;
    },
  };
}
