/** What is different between the files of two disks that are not booted. */
import type { EditFailure } from "../appliance/failure.ts";
import { type DiskRequest, readDisk } from "../appliance/read-disk.ts";
import { ok, type Result } from "../result.ts";
import { compareFiles, type FileChange, undecided } from "./compare.ts";
import { digestScript, parseDigests } from "./digests.ts";
import { bytesOfFile, listFiles } from "./read-files.ts";

/**
 * Lists both, and reads the contents of those files only of which nothing else tells whether they are the same: of two
 * disks of one chain, those that were written.
 */
export async function diffDisks(
  before: DiskRequest,
  after: DiskRequest,
): Promise<Result<readonly FileChange[], EditFailure>> {
  const listed = await both(before, after, async (disk) => {
    const files = await listFiles({ ...disk, path: "/", recursive: true });
    return files.ok ? ok(files.value.value) : files;
  });
  if (!listed.ok) return listed;
  const [old, now] = listed.value;
  const paths = undecided(old, now);
  if (paths.length === 0) return ok(compareFiles(old, now, () => false));
  const digests = await both(before, after, (disk) => digestsOf(disk, paths));
  if (!digests.ok) return digests;
  const [oldDigests, newDigests] = digests.value;
  const changed = new Set(paths.filter((_, index) => oldDigests[index] !== newDigests[index]));
  return ok(compareFiles(old, now, (path) => changed.has(path)));
}

/** One after the other: each takes a machine, which nobody has counted. */
export async function both<T>(
  before: DiskRequest,
  after: DiskRequest,
  read: (disk: DiskRequest) => Promise<Result<T, EditFailure>>,
): Promise<Result<readonly [T, T], EditFailure>> {
  const first = await read(before);
  if (!first.ok) return first;
  const second = await read(after);
  return second.ok ? ok([first.value, second.value]) : second;
}

async function digestsOf(
  disk: DiskRequest,
  paths: readonly string[],
): Promise<Result<readonly string[], EditFailure>> {
  const read = await readDisk({ ...disk, script: digestScript(paths) }, async (path) =>
    parseDigests(await bytesOfFile(path, paths.length * digestLineBytes), paths.length),
  );
  return read.ok ? ok(read.value.value) : read;
}

/** A SHA-256 in hex, and the end of the line. */
const digestLineBytes = 65;
