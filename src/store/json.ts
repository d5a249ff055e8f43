/** Reading JSON that may be missing, torn or not ours. */
import { readFile } from "node:fs/promises";
import { errorCode } from "./fs-failure.ts";

/**
 * The value a JSON file holds; undefined when there is no such file or it is not JSON.
 *
 * Throws when the file is there and cannot be read: "not a layer" must not be concluded from a lack of
 * file descriptors.
 */
export async function readJson(path: string): Promise<unknown> {
  return parseJson(await readIfPresent(path));
}

/** The value a text stands for; undefined when there is no text or it is not JSON. */
export function parseJson(text: string | undefined): unknown {
  if (text === undefined) {
    return undefined;
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The text of a file, or undefined when there is no such file. */
export async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") {
      return undefined;
    }
    throw error;
  }
}

/** True for a JSON object, whose fields may then be looked at one by one. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
