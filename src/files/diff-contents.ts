/** What is different within text files of two disks that are not booted. */
import { isUtf8 } from "node:buffer";
import { createTwoFilesPatch, FILE_HEADERS_ONLY } from "diff";
import type { EditFailure } from "../appliance/failure.ts";
import { type DiskRequest, readDisk } from "../appliance/read-disk.ts";
import { failed, ok, type Result } from "../result.ts";
import { readTarFiles } from "../tree/tar-files.ts";
import type { FileChange } from "./compare.ts";
import { both } from "./diff-disks.ts";
import { contentsScript } from "./listing.ts";

/** Nobody reads the difference of more than this. */
const mostBytes = 2 ** 20;

/** Lines that differ; comparing takes time in the square of it. */
const mostEdits = 4000;

/**
 * Unified diffs by path, of those changed files that are UTF-8 text on both sides, of at most 1 MiB. What is not text, or
 * differs in more than 4000 lines, has none.
 */
export async function diffContents(
  before: DiskRequest,
  after: DiskRequest,
  changes: readonly FileChange[],
): Promise<Result<ReadonlyMap<string, string>, EditFailure>> {
  const paths = changes.flatMap((change) => (isReadable(change) ? [change.path] : []));
  const diffs = new Map<string, string>();
  for (const group of commandLines(paths)) {
    const read = await both(before, after, (disk) => contentsOf(disk, group));
    if (!read.ok) return read;
    const [old, now] = read.value;
    for (const path of group) {
      const patch = unifiedDiff(path, old.get(path.slice(1)), now.get(path.slice(1)));
      if (patch !== undefined) diffs.set(path, patch);
    }
  }
  return ok(diffs);
}

/** Linux takes 2 MiB of arguments (execve(2)), of which environment and pointers take some. */
const commandLineBytes = 2 ** 19;
const pointerBytes = 8;

function commandLines(paths: readonly string[]): readonly (readonly string[])[] {
  const groups: string[][] = [];
  let room = 0;
  for (const path of paths) {
    const bytes = Buffer.byteLength(path) + pointerBytes;
    if (room < bytes) {
      groups.push([]);
      room = commandLineBytes;
    }
    groups.at(-1)?.push(path);
    room -= bytes;
  }
  return groups;
}

function isReadable(change: FileChange): boolean {
  if (change.change !== "modified" || change.path.includes("\uFFFD")) return false;
  const { before, after, differences } = change;
  return (
    before.type === "file" &&
    after.type === "file" &&
    differences.some((difference) => difference === "content" || difference === "size") &&
    Math.max(before.sizeBytes, after.sizeBytes) <= mostBytes
  );
}

/** Undefined when there is no text on one side, or too much of it is different. */
export function unifiedDiff(
  path: string,
  before: Buffer | undefined,
  after: Buffer | undefined,
): string | undefined {
  if (before === undefined || after === undefined || !isText(before) || !isText(after)) {
    return undefined;
  }
  const options = { context: 3, maxEditLength: mostEdits, headerOptions: FILE_HEADERS_ONLY };
  const texts = [before.toString("utf8"), after.toString("utf8")] as const;
  return createTwoFilesPatch(`a${path}`, `b${path}`, ...texts, undefined, undefined, options);
}

function isText(content: Buffer): boolean {
  return isUtf8(content) && !content.includes(0);
}

async function contentsOf(
  disk: DiskRequest,
  paths: readonly string[],
): Promise<Result<ReadonlyMap<string, Buffer>, EditFailure>> {
  const read = await readDisk({ ...disk, script: contentsScript(paths) }, readTarFiles);
  if (!read.ok) return read;
  const { value } = read.value;
  return value.ok ? value : failed({ reason: "guest-files", cause: value.error });
}
