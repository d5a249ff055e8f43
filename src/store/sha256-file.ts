import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

/**
 * The SHA-256 of a file that nobody writes to, lower-case hex. An aborted signal ends it early, with the digest of what
 * was read by then. Rejects with the system's error.
 */
export async function sha256File(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    if (signal.aborted) break;
    hash.update(chunk as Buffer);
  }
  return hash.digest("hex");
}
