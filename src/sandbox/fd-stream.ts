import { read } from "node:fs";
import { Readable } from "node:stream";
import { promisify } from "node:util";

const readAt = promisify(read);
const pieceBytes = 256 * 1024;

/**
 * The bytes of an open file from the start to `sizeBytes`, as a stream that leaves the descriptor open
 * whatever happens to the stream (Node's own closes it when it is destroyed).
 */
export function fdStream(fd: number, sizeBytes: number): Readable {
  return Readable.from(pieces(fd, sizeBytes), { objectMode: false });
}

async function* pieces(fd: number, sizeBytes: number): AsyncGenerator<Buffer> {
  for (let position = 0; position < sizeBytes;) {
    const length = Math.min(pieceBytes, sizeBytes - position);
    const { bytesRead, buffer } = await readAt(fd, Buffer.alloc(length), 0, length, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
