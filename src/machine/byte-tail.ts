/** The end of a stream of bytes, in bounded memory. */
export interface ByteTail {
  push(chunk: Buffer): void;
  /** What was kept, as text; a character cut at the front shows as a replacement character. */
  text(): string;
}

/** Keeps at least the last `limit` bytes and never more than `limit` plus one chunk. */
export function byteTail(limit: number): ByteTail {
  const chunks: Buffer[] = [];
  let size = 0;
  return {
    push(chunk) {
      chunks.push(chunk);
      size += chunk.length;
      for (let first = chunks[0]; first && size - first.length >= limit; first = chunks[0]) {
        chunks.shift();
        size -= first.length;
      }
    },
    text: () => Buffer.concat(chunks).toString(),
  };
}
