import type { Readable } from "node:stream";
import { once } from "node:events";
import type { Socket } from "node:net";
import type { ExecRequest } from "../machine/session.ts";
import { chunkBytes } from "./agent-script.ts";

/** How the sending of a standard input came out. */
export type InputEnd =
  | "sent"
  /** The command ended, or was given up, before it had everything. */
  | "unread"
  /** The stream was destroyed by its maker before its end. */
  | "broken";

export interface PortInputOptions {
  readonly data: Socket;
  /** Settles when the agent has taken the last chunk. */
  readonly taken: () => Promise<void>;
  /** True when nobody reads any more. */
  readonly isOver: () => boolean;
}

/** Sends a command's standard input in chunks, the next when the last was taken, and then the end. */
export async function sendInput(
  stdin: Exclude<ExecRequest["stdin"], undefined>,
  { data, taken, isOver }: PortInputOptions,
): Promise<InputEnd> {
  let end: InputEnd = "sent";
  try {
    for await (const chunk of chunksOf(stdin)) {
      if (isOver()) {
        end = "unread";
        break;
      }
      data.write(`${chunk.length}\n`);
      if (!data.write(chunk)) await drained(data);
      await taken();
    }
  } catch {
    // A stream's own error is its maker's to tell.
    end = "broken";
  }
  if (!data.destroyed) data.write("0\n");
  return end;
}

/** Waits until more may be written, or the port is closed; leaves no listener behind. */
async function drained(data: Socket): Promise<void> {
  const stop = new AbortController();
  const { signal } = stop;
  const waits = [once(data, "drain", { signal }), once(data, "close", { signal })];
  try {
    await Promise.race(waits);
  } finally {
    stop.abort();
    await Promise.allSettled(waits);
  }
}

/** The input in chunks that are as long as may be: the guest starts a process for each. */
async function* chunksOf(stdin: Readable | Uint8Array | string): AsyncGenerator<Buffer> {
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of piecesOf(stdin)) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes < chunkBytes) continue;
    const all = Buffer.concat(pieces);
    const whole = bytes - (bytes % chunkBytes);
    for (let at = 0; at < whole; at += chunkBytes) yield all.subarray(at, at + chunkBytes);
    pieces = [all.subarray(whole)];
    bytes -= whole;
  }
  if (bytes > 0) yield Buffer.concat(pieces);
}

async function* piecesOf(stdin: Readable | Uint8Array | string): AsyncGenerator<Uint8Array> {
  if (typeof stdin === "string") {
    yield Buffer.from(stdin);
  } else if (stdin instanceof Uint8Array) {
    yield stdin;
  } else {
    for await (const piece of stdin) {
      yield typeof piece === "string" ? Buffer.from(piece) : (piece as Uint8Array);
    }
  }
}
