import { open, type FileHandle } from "node:fs/promises";

/**
 * A step's log being written: the bytes of its output, as they came.
 *
 * The guest decides how much it prints, so the file is capped: what comes after `limitBytes` is
 * counted and replaced by one closing line.
 */
export class StepLog implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #limitBytes: number;
  #written = 0;
  #dropped = 0;
  #closed = false;

  private constructor(file: FileHandle, limitBytes: number) {
    this.#file = file;
    this.#limitBytes = limitBytes;
  }

  /** Starts the log anew. Rejects with the system's error (for example ENOSPC). */
  static async create(path: string, limitBytes: number): Promise<StepLog> {
    return new StepLog(await open(path, "w", 0o600), limitBytes);
  }

  /** Appends a chunk. Calls must not overlap. Rejects with the system's error. */
  async write(chunk: Uint8Array): Promise<void> {
    const room = Math.max(0, this.#limitBytes - this.#written);
    const piece = chunk.subarray(0, room);
    this.#dropped += chunk.length - piece.length;
    this.#written += piece.length;
    if (piece.length > 0) await this.#file.writeFile(piece);
  }

  /** Ends the log. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      if (this.#dropped > 0) {
        await this.#file.writeFile(
          `\n[vmbuild: the log is cut here; ${this.#dropped} more bytes were printed]\n`,
        );
      }
    } finally {
      await this.#file.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Reads a stored log in pieces of at most 64 KiB. */
export async function* readLog(path: string): AsyncGenerator<Uint8Array> {
  await using file = await open(path, "r");
  const chunk = Buffer.alloc(64 * 1024);
  for (;;) {
    const { bytesRead } = await file.read(chunk, 0, chunk.length);
    if (bytesRead === 0) return;
    yield Uint8Array.prototype.slice.call(chunk, 0, bytesRead);
  }
}
