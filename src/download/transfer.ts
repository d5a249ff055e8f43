/**
 * One file from a server, whatever the connection does meanwhile.
 *
 * A broken connection is taken up where it broke as long as each try brings something. What a server sends instead of
 * the rest (the whole file, another file) is told by its answer, and by the checksum in the end.
 */
import type { Hash } from "node:crypto";
import { type FileHandle, statfs } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { failed, ok, type Result } from "../result.ts";
import { errorCode } from "../store/fs-failure.ts";
import type { DownloadFailure } from "./failure.ts";
import { addFile } from "./hash-file.ts";
import { type Answer, readAnswer } from "./server-answer.ts";
import type { WebSource } from "./source.ts";

export interface TransferRequest {
  readonly source: WebSource;
  /** Open for reading and writing; what is in it is the beginning of the file, of an earlier try. */
  readonly file: FileHandle;
  /** What messages call that. */
  readonly path: string;
  /** A new digest, which gets all bytes of the file. */
  readonly newHash: () => Hash;
  /** The bytes will be compared with a checksum, so that a rest may be asked for without more to tell that it fits. */
  readonly isChecked: boolean;
  /** Milliseconds after which a server that sends nothing has stalled. */
  readonly idleMs: number;
  /** Milliseconds between two tries. */
  readonly retryDelayMs: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: TransferProgress) => void;
}

export interface TransferProgress {
  readonly receivedBytes: number;
  /** Absent when the server does not say. */
  readonly totalBytes?: number;
}

const BUFFER_BYTES = 1 << 18;
/** Tries in a row that bring nothing. */
const MAX_FRUITLESS = 4;

type Outcome =
  | { readonly kind: "done" }
  | { readonly kind: "start-over" }
  | { readonly kind: "broken"; readonly message: string }
  | { readonly kind: "failed"; readonly failure: DownloadFailure };

/** Fills the file, and gives the digest of it all. After a failure what came is in the file. */
export async function transfer(request: TransferRequest): Promise<Result<Hash, DownloadFailure>> {
  const running = new Transfer(request);
  try {
    return await running.run();
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined) throw error;
    return failed(running.fileFailure(code, error as Error));
  }
}

class Transfer {
  readonly #request: TransferRequest;
  #hash: Hash;
  /** Bytes that are in the file and in the digest. */
  #position = 0;
  #totalBytes: number | undefined;
  #validator: string | undefined;

  constructor(request: TransferRequest) {
    this.#request = request;
    this.#hash = request.newHash();
  }

  async run(): Promise<Result<Hash, DownloadFailure>> {
    const { file, signal, retryDelayMs } = this.#request;
    const found = await addFile(this.#hash, file, signal);
    if (found === undefined) return failed({ reason: "cancelled" });
    this.#position = found;
    for (let fruitless = 0, most = found; ;) {
      const outcome = await this.#tryOnce();
      if (signal.aborted) return failed({ reason: "cancelled" });
      if (outcome.kind === "done") return ok(this.#hash);
      if (outcome.kind === "failed") return failed(outcome.failure);
      // A server that gives the same beginning again and again brings nothing.
      fruitless = this.#position > most ? 0 : fruitless + 1;
      most = Math.max(most, this.#position);
      if (outcome.kind === "start-over") {
        await this.#reset();
        if (fruitless < MAX_FRUITLESS) continue;
        return failed(this.#failure("the server keeps sending other parts than it is asked for"));
      }
      if (fruitless >= MAX_FRUITLESS) return failed(this.#failure(outcome.message));
      if (this.#validator === undefined && !this.#request.isChecked) await this.#reset();
      const waited = await sleep(retryDelayMs, true, { signal }).catch(() => false);
      if (!waited) return failed({ reason: "cancelled" });
    }
  }

  fileFailure(code: string, error: Error): DownloadFailure {
    return code === "ENOSPC" || code === "EDQUOT"
      ? { reason: "disk-full", path: this.#request.path }
      : this.#failure(`what came cannot be written: ${error.message}`);
  }

  async #tryOnce(): Promise<Outcome> {
    const { source, signal, idleMs } = this.#request;
    using patience = new Patience(idleMs);
    const ends = AbortSignal.any([signal, patience.signal]);
    try {
      patience.start();
      const response = await fetch(source.url, { headers: this.#headers(), signal: ends });
      patience.stop();
      const answer = this.#fitting(readAnswer(response, this.#position));
      if (answer.kind === "whole" || answer.kind === "rest") {
        await this.#take(answer);
        return await this.#receive(response, patience);
      }
      await response.body?.cancel();
      return this.#outcomeOf(answer);
    } catch (error) {
      if (patience.signal.aborted && !signal.aborted) {
        const { url } = source;
        const stalled = { reason: "download-stalled", source: url, idleMs, keptBytes: 0 } as const;
        return { kind: "failed", failure: stalled };
      }
      // What the file system refuses is no matter of the connection.
      if (isOfFile(error)) throw error;
      return this.#brokenBy(error);
    }
  }

  #headers(): Record<string, string> {
    const { authorization } = this.#request.source;
    return {
      "user-agent": "vmbuild",
      "accept-encoding": "identity",
      ...(authorization === undefined ? {} : { authorization }),
      ...(this.#position === 0 ? {} : { range: `bytes=${this.#position}-` }),
      ...(this.#position === 0 || this.#validator === undefined
        ? {}
        : { "if-range": this.#validator }),
    };
  }

  #outcomeOf(answer: Exclude<Answer, { readonly kind: "whole" | "rest" }>): Outcome {
    if (answer.kind === "complete") return { kind: "done" };
    if (answer.kind === "start-over") return { kind: "start-over" };
    const { message } = answer;
    return answer.isPassing
      ? { kind: "broken", message }
      : { kind: "failed", failure: this.#failure(message) };
  }

  /** A rest of another file than the beginning is of is none, whatever the server was asked. */
  #fitting(answer: Answer): Answer {
    if (answer.kind !== "rest") return answer;
    const isOther = (before: unknown, now: unknown): boolean =>
      before !== undefined && now !== undefined && before !== now;
    return isOther(this.#validator, answer.validator) ||
      isOther(this.#totalBytes, answer.totalBytes)
      ? { kind: "start-over" }
      : answer;
  }

  async #take(answer: Extract<Answer, { readonly kind: "whole" | "rest" }>): Promise<void> {
    if (answer.kind === "whole") await this.#reset();
    this.#totalBytes = answer.totalBytes ?? this.#totalBytes;
    this.#validator = answer.validator ?? this.#validator;
    await this.#checkRoom();
  }

  /** What will not fit is not begun; the part that would fit could fill the disk for everybody else. */
  async #checkRoom(): Promise<void> {
    if (this.#totalBytes === undefined) return;
    const { bavail, bsize } = await statfs(this.#request.path);
    if (this.#totalBytes - this.#position > bavail * bsize) {
      throw Object.assign(new Error("no space left"), { code: "ENOSPC", syscall: "write" });
    }
  }

  async #receive(response: Response, patience: Patience): Promise<Outcome> {
    const { file, onProgress } = this.#request;
    // Into one buffer: those that a stream makes itself are collected late.
    const reader = response.body?.getReader({ mode: "byob" });
    let buffer = new ArrayBuffer(BUFFER_BYTES);
    for (;;) {
      patience.start();
      const read = await reader?.read(new Uint8Array(buffer));
      // A slow disk is not a server that stalls.
      patience.stop();
      if (read === undefined || read.done) break;
      const chunk = read.value;
      await writeAll(file, chunk, this.#position);
      this.#hash.update(chunk);
      this.#position += chunk.length;
      onProgress?.({
        receivedBytes: this.#position,
        ...(this.#totalBytes === undefined ? {} : { totalBytes: this.#totalBytes }),
      });
      ({ buffer } = chunk);
    }
    const total = this.#totalBytes;
    return total === undefined || this.#position === total
      ? { kind: "done" }
      : { kind: "broken", message: `${this.#position} bytes came instead of ${total}` };
  }

  /** Before anything came, what is wrong with a connection will not pass. */
  #brokenBy(error: unknown): Outcome {
    const message = networkMessage(error);
    return this.#totalBytes === undefined && this.#position === 0
      ? { kind: "failed", failure: this.#failure(message) }
      : { kind: "broken", message };
  }

  #failure(message: string): DownloadFailure {
    return { reason: "download-failed", source: this.#request.source.url, message, keptBytes: 0 };
  }

  async #reset(): Promise<void> {
    await this.#request.file.truncate(0);
    this.#hash = this.#request.newHash();
    this.#position = 0;
    this.#totalBytes = undefined;
    this.#validator = undefined;
  }
}

/** Aborts its signal when it was started and not stopped for so long. */
class Patience implements Disposable {
  readonly #controller = new AbortController();
  readonly #ms: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number) {
    this.#ms = ms;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  start(): void {
    this.stop();
    this.#timer = setTimeout(() => this.#controller.abort(), this.#ms);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  [Symbol.dispose](): void {
    this.stop();
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    const { bytesWritten } = await file.write(
      bytes,
      written,
      bytes.length - written,
      position + written,
    );
    written += bytesWritten;
  }
}

/** System calls on files name themselves; `fetch` wraps what sockets say. */
function isOfFile(error: unknown): boolean {
  const call = error instanceof Error && "syscall" in error ? error.syscall : undefined;
  return call === "write" || call === "ftruncate";
}

/** What `fetch` says is "fetch failed" or "terminated"; why is in its causes. */
function networkMessage(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof AggregateError && cause.errors.length > 0) {
    return networkMessage(cause.errors[0]);
  }
  if (cause instanceof Error && cause.message !== "") return networkMessage(cause);
  const text = error instanceof Error ? error.message : String(error);
  return text === "other side closed" || text === "terminated"
    ? "the server closed the connection"
    : text;
}
