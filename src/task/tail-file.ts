import { open } from "node:fs/promises";
import { untilAborted } from "../until-aborted.ts";

export interface TailOptions {
  /** How much of the file is left out. */
  readonly fromByte: number;
  /** Settles when nothing more is written. */
  readonly ended: Promise<unknown>;
  /** Ends the following, and nothing else. */
  readonly stop: AbortSignal;
  /** Awaited. */
  readonly onOutput: (chunk: Buffer) => void | Promise<void>;
}

/** Between two looks; a person does not see the difference. */
const pollMs = 100;

/** Hands on what is in a file and what is written to it, until `ended` and the file's end. */
export async function tailFile(
  path: string,
  { fromByte, ended, stop, onOutput }: TailOptions,
): Promise<void> {
  await using file = await open(path, "r");
  let at = fromByte;
  let isLast = false;
  const over = (async () => {
    await ended;
    isLast = true;
  })();
  const piece = Buffer.alloc(64 * 1024);
  while (!stop.aborted) {
    // Before the reading: what was written until then is read.
    const wasLast = isLast;
    const { bytesRead } = await file.read(piece, 0, piece.length, at);
    if (bytesRead > 0) {
      at += bytesRead;
      await onOutput(Buffer.from(piece.subarray(0, bytesRead)));
    } else if (wasLast) {
      return;
    } else {
      await untilAborted(Promise.race([over, pause(pollMs)]), stop);
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
