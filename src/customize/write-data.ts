/**
 * What operations bring from the host, in one file that is plugged into the appliance as a disk: far faster than what a
 * session brings, and nothing is copied twice. Files lie in it as they are, trees as tar archives.
 */
import { type FileHandle, open, stat } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { execa } from "execa";
import type { EditFailure } from "../appliance/failure.ts";
import { failed, ok, type Result } from "../result.ts";
import { errorCode, errorText } from "../store/fs-failure.ts";
import { fileKind } from "../store/regular-file.ts";
import type { Placed, PlacedOperation } from "./customize-script.ts";
import type { Labelled, Operation, SettledOperation } from "./operation.ts";

const alignment = 2 ** 20;

/** Fails unless everything of the host's that operations name is there, and of the right kind. */
export async function checkHostPaths(
  operations: readonly Labelled<Operation<unknown, unknown>>[],
): Promise<Result<void, EditFailure>> {
  for (const { label, operation } of operations) {
    if (!("from" in operation) || typeof operation.from === "string") continue;
    const { host } = operation.from;
    const refused = (message: string): Result<never, EditFailure> =>
      failed({ reason: "edit-input-unusable", wanted: label, path: host, message });
    try {
      const stats = await stat(host);
      if (stats.isFile()) continue;
      if (operation.kind === "copy-in" && stats.isDirectory()) continue;
      return refused(`it is ${fileKind(stats)}, not a regular file`);
    } catch (error) {
      const code = errorCode(error);
      if (code === undefined) throw error;
      const isMissing = code === "ENOENT" || code === "ENOTDIR";
      return refused(isMissing ? "there is no such file" : errorText(error));
    }
  }
  return ok();
}

/** Whether {@link writeData} has anything to write. */
export function hasData(operations: readonly SettledOperation[]): boolean {
  return operations.some(({ operation }) => hostPathOf(operation) !== undefined);
}

/**
 * Writes the file at `path`, a free name, and tells where in it is what. What fails is told with the operation it is of;
 * a full disk rejects with the system's error.
 */
export async function writeData(
  operations: readonly SettledOperation[],
  path: string,
  signal: AbortSignal,
): Promise<Result<readonly PlacedOperation[], EditFailure>> {
  await using file = await open(path, "wx", 0o600);
  const placed: PlacedOperation[] = [];
  for (const labelled of operations) {
    const host = hostPathOf(labelled.operation);
    if (host === undefined) {
      placed.push(labelled);
      continue;
    }
    const offset = (await file.stat()).size / alignment;
    const add = labelled.operation.kind === "copy-in" ? addTree : addFile;
    const added = await add(resolve(host), path, signal);
    if (!added.ok) {
      if (signal.aborted) return failed({ reason: "cancelled" });
      const { label } = labelled;
      return failed({
        reason: "edit-input-unusable",
        wanted: label,
        path: host,
        message: added.error,
      });
    }
    placed.push({ ...labelled, placed: await endOf(file, offset, added.value) });
  }
  return ok(placed);
}

type Facts = Pick<Placed, "mode" | "uid" | "gid">;

/** Fills up what was added, so that the next begins at a whole MiB. */
async function endOf(file: FileHandle, offset: number, facts: Facts): Promise<Placed> {
  const { size } = await file.stat();
  // An empty disk cannot be plugged in.
  await file.truncate(Math.max(Math.ceil(size / alignment), offset + 1) * alignment);
  return { ...facts, offset, bytes: size - offset * alignment };
}

async function addFile(
  host: string,
  path: string,
  signal: AbortSignal,
): Promise<Result<Facts, string>> {
  await using to = await open(path, "a");
  let from: FileHandle;
  try {
    from = await open(host);
  } catch (error) {
    return failed(errorText(error));
  }
  await using _ = from;
  const { mode, uid, gid } = await from.stat();
  try {
    await pipeline(from.createReadStream({ autoClose: false }), to.createWriteStream(), { signal });
  } catch (error) {
    // What the host has no room for is not the file's fault.
    const isOurs = signal.aborted || ["ENOSPC", "EDQUOT", undefined].includes(errorCode(error));
    if (isOurs) throw error;
    return failed(errorText(error));
  }
  return ok({ mode: mode & 0o7777, uid, gid });
}

/** GNU tar's own format, which busybox' tar reads; owners by their numbers, since names are another system's. */
async function addTree(
  host: string,
  path: string,
  signal: AbortSignal,
): Promise<Result<Facts, string>> {
  await using to = await open(path, "a");
  const argv = ["-c", "--format=gnu", "--numeric-owner", "-C", dirname(host), "--", basename(host)];
  const running = execa("tar", argv, {
    stdin: "ignore",
    buffer: { stdout: false },
    reject: false,
    cancelSignal: signal,
    env: { LC_ALL: "C" },
  });
  const [tar] = await Promise.all([running, pipeline(running.stdout, to.createWriteStream())]);
  if (tar.exitCode === 0) return ok({ mode: 0, uid: 0, gid: 0 });
  const said = tar.stderr.split("\n")[0]?.replace(/^tar: /, "") ?? "";
  return failed(said === "" ? (tar.shortMessage ?? "tar failed") : said);
}

function hostPathOf(operation: SettledOperation["operation"]): string | undefined {
  return "from" in operation && typeof operation.from === "object"
    ? operation.from.host
    : undefined;
}
