import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { errorCode, errorText } from "../store/fs-failure.ts";
import { fileKind } from "../store/regular-file.ts";
import { exitCode } from "./exit-code.ts";
import { UserError } from "./user-error.ts";

/**
 * The bytes of a regular file or a pipe; `-` is standard input. Stops reading soon after `limit` bytes.
 *
 * @param what what messages call it, with its article
 * @throws UserError when it cannot be read
 */
export async function readBytes(path: string, what: string, limit: number): Promise<Uint8Array> {
  const wrong = (message: string): UserError =>
    new UserError(message, { exitCode: exitCode.badInput });
  if (path === "") throw wrong(`the name of ${what} is empty`);
  try {
    if (path === "-") return await upToLimit(process.stdin, limit);
    const stats = await stat(path);
    if (stats.isFile() || stats.isFIFO()) return await upToLimit(createReadStream(path), limit);
    throw wrong(`${path} is ${fileKind(stats)}, not ${what}`);
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined) throw error;
    if (code === "ENOENT") throw wrong(`there is no file ${path}`);
    throw wrong(`${path} cannot be read: ${errorText(error)}`);
  }
}

/** All of a stream, or somewhat more than its reader takes. */
async function upToLimit(stream: AsyncIterable<unknown>, limit: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    if (length > limit) break;
  }
  return Buffer.concat(chunks);
}
