/** Files of a guest that is off, without booting it: for copies out of builds that left no suspended machine. */
import { rename, rm } from "node:fs/promises";
import type { BuildEnvironment } from "../build/environment.ts";
import { quoteArgv } from "../machine/posix-quote.ts";
import { failed, ok, type Result } from "../result.ts";
import type { ReadFailure } from "../sandbox/failure.ts";
import { outermost } from "../sandbox/posix-read.ts";
import type { ReadJob } from "../sandbox/sandbox.ts";
import type { StoreFailure } from "../store/failure.ts";
import { attempt } from "../store/fs-failure.ts";
import type { EditFailure } from "./failure.ts";
import { type ReadDisk, readDisk } from "./read-disk.ts";

/**
 * Does what `Sandbox.read` promises, in the appliance; it is up to the caller to have a place for that machine. Undefined
 * where only the guest itself can tell, or the appliance is not to be had: it has to be booted then. `note` gets which it
 * is, and why.
 *
 * What is missing is missing in the archive, too, and no failure.
 */
export async function readGuestFiles(
  env: BuildEnvironment,
  { profile, diskPath, paths, archivePath }: ReadJob,
  { signal, note }: { readonly signal: AbortSignal; readonly note: (message: string) => void },
): Promise<Result<void, ReadFailure> | undefined> {
  if (profile.os !== "linux") return undefined;
  const read = await readDisk(
    { env, diskPath, diskFormat: "qcow2", script: archiveScript(paths), signal },
    (path) => attempt(path, () => rename(path, archivePath)),
  );
  if (signal.aborted) return failed({ reason: "cancelled" });
  const why = read.ok ? unread(read.value) : whyNot(read.error);
  if (why === undefined) {
    note("files are read without booting the guest");
    return ok();
  }
  await rm(archivePath, { force: true });
  note(`the guest is booted to be read: ${why}`);
  return undefined;
}

/** What was left out, or was not kept; undefined when all is well. */
function unread({ report, value }: ReadDisk<Result<void, StoreFailure>>): string | undefined {
  const [left] = report.notes;
  return left ?? (value.ok ? undefined : whyNot(value.error));
}

function whyNot(failure: EditFailure): string {
  return "message" in failure && failure.message !== undefined ? failure.message : failure.reason;
}

/**
 * Writes what there is of `paths`. Whatever lies on several file systems, or is filled by a boot, is the guest's to
 * read: of a mount point below a path, it gives what is under it.
 */
function archiveScript(paths: readonly string[]): string {
  return `
refuse() { printf 'impossible\\0'; echo "$1" >&2; exit 1; }
set -- ${quoteArgv(outermost(paths))}
while read -r _ _ _ _ point _; do
  point=$(printf %b "$point")
  for path; do
    case $point/ in "\${path%/}"/?*) refuse "$point is mounted below $path" ;; esac
  done
done </proc/self/mountinfo
cd /
count=$#
for path; do
  case $path/ in /dev/* | /proc/* | /sys/* | /run/*) refuse "$path is filled by a boot" ;; esac
  if [ -e "$path" ] || [ -L "$path" ]; then set -- "$@" ".$path"; fi
done
shift $count
# An archive without a member is two empty records.
if [ $# = 0 ]; then dd if=/dev/zero of=/dev/data bs=1024 count=1 2>/dev/null
else tar -c -f /dev/data -- "$@" || refuse 'not everything could be read'; fi
sync
`;
}
