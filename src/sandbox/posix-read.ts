/**
 * Files out of a POSIX guest, as a tar archive: written to a disk that was plugged in when they are many, or else to
 * the session.
 */
import { open, rm, truncate, writeFile } from "node:fs/promises";
import { quoteArgv, quoteWord } from "../machine/posix-quote.ts";
import type { Session } from "../machine/session.ts";
import type { Profile } from "../profile/profile.ts";
import { failed, ok, type Result } from "../result.ts";
import { bulkBytes } from "./copy-by-disk.ts";
import type { ReadFailure, SandboxFailure } from "./failure.ts";
import type { GuestDisks } from "./guest.ts";
import { privilegeOf, rootShell } from "./posix-command.ts";
import { findDisk, noDiskCode, removeDisk } from "./posix-files.ts";
import { runScript, type ScriptAnswer } from "./remote-script.ts";

/** What the reading of files works with. */
export interface Reading {
  readonly session: Session;
  readonly profile: Profile;
  readonly disks: GuestDisks | undefined;
  readonly paths: readonly string[];
  readonly archivePath: string;
  readonly signal: AbortSignal;
}

/** Does what `Guest.read` says. */
export async function readFiles(reading: Reading): Promise<Result<void, ReadFailure>> {
  const { session, profile, disks, paths, signal } = reading;
  const looked = await runScript(session, {
    command: rootShell(profile),
    stdin: lookScript(paths),
    signal,
    stdoutBytes: paths.length + 100,
  });
  if (!looked.ok) return looked;
  const { stdout, stderr } = looked.value;
  const [found = "", size = ""] = stdout.split("\n");
  if (found.length !== paths.length) {
    return failed({ reason: "read-failed", message: stderr || "the guest does not look" });
  }
  const missing = paths.find((_, index) => found[index] === "0");
  if (missing !== undefined) return failed({ reason: "path-missing", path: missing });
  const isBulk = Number.parseInt(size, 10) * 1024 >= bulkBytes;
  const byDisk =
    disks !== undefined && isBulk && privilegeOf(profile) !== "none"
      ? await readByDisk(reading, disks)
      : undefined;
  const answer = byDisk ?? (await readByStream(reading));
  if (!answer.ok) return answer;
  const { code, stderr: message } = answer.value;
  if (code === 0) return ok();
  return failed({
    reason: "read-failed",
    message: message || `tar ended with ${code} in the guest`,
  });
}

/** Undefined, after a note, when the guest cannot have the disk. */
async function readByDisk(
  { session, profile, paths, archivePath, signal }: Reading,
  { hotPlug, note }: GuestDisks,
): Promise<Result<ScriptAnswer, SandboxFailure> | undefined> {
  const noDisk = async (why: string): Promise<undefined> => {
    note(`files are read by a stream: ${why}`);
    await rm(archivePath, { force: true });
  };
  try {
    await writeFile(archivePath, "", { flag: "wx", mode: 0o600 });
    await truncate(archivePath, scratchBytes);
  } catch (error) {
    return noDisk((error as Error).message);
  }
  const disk = { path: archivePath, format: "raw", writable: true } as const;
  const plugged = await hotPlug.plug(disk, signal);
  if (!plugged.ok) return noDisk(plugged.error);
  const { lun } = plugged.value;
  const answer = await runScript(session, {
    command: rootShell(profile),
    stdin: `${archiveToDiskScript(paths, lun)}\n`,
    signal,
  });
  // The disk stays in until the machine ends, which is next: the guest has written all when it has let go of it.
  if (!answer.ok) return answer;
  return answer.value.code === noDiskCode ? noDisk("the guest does not find the disk") : answer;
}

async function readByStream({
  session,
  profile,
  paths,
  archivePath,
  signal,
}: Reading): Promise<Result<ScriptAnswer, SandboxFailure>> {
  const file = await open(archivePath, "wx", 0o600);
  try {
    return await runScript(session, {
      command: rootShell(profile),
      stdin: `${archiveScript(paths)}\n`,
      signal,
      stdoutTo: async (chunk) => {
        await file.writeFile(chunk);
      },
    });
  } finally {
    await file.close();
  }
}

/** The disk's size; what is not written takes no room. */
const scratchBytes = 2 ** 40;

/** Prints one `0` or `1` per path, whether there is anything, and on the next line their KiB on the disk. */
export function lookScript(paths: readonly string[]): string {
  const tests = paths.map((path) => {
    const word = quoteWord(path);
    return `if [ -e ${word} ] || [ -L ${word} ]; then printf 1; else printf 0; fi`;
  });
  return `${tests.join("\n")}\necho\ndu -skxc ${quoteArgv(paths)} 2>/dev/null | tail -n 1\n`;
}

/**
 * Writes the archive to standard output. Member names are the paths behind a `./`, so that none is taken for an
 * option or an absolute path.
 *
 * What is mounted below a path is no part of it: of a running guest that is the kernel's files and what lives in RAM.
 * Not every tar can be told to leave it out, and the guest is thrown away afterwards, so it is unmounted.
 */
export function archiveScript(paths: readonly string[]): string {
  const sources = outermost(paths);
  return `
mounts_below() {
  while read -r _ _ _ _ point _; do
    point=$(printf %b "$point")
    for source in ${quoteArgv(sources)}; do
      case "$point" in "\${source%/}"/?*) printf '%s\\n' "$point"; break ;; esac
    done
  done </proc/self/mountinfo
}
points=$(mounts_below 2>/dev/null)
printf '%s\\n' "$points" | while IFS= read -r point; do
  for source in ${quoteArgv(sources)}; do
    # Where a source itself lies stays.
    case "\${source%/}/" in "$point"/*) continue 2 ;; esac
  done
  [ -z "$point" ] || umount -l "$point" 2>/dev/null
done
tar -cf - --numeric-owner -C / ${quoteArgv(sources.map((path) => `.${path}`))}`;
}

/** As {@link archiveScript}, to the plugged disk `lun`. */
export function archiveToDiskScript(paths: readonly string[], lun: number): string {
  return [
    findDisk("disk", lun),
    // GNU tar, which then writes 1 MiB at a time; others do not know the variable.
    "export TAR_OPTIONS=--blocking-factor=2048",
    `{ ${archiveScript(paths)}\n} >"$disk"`,
    "code=$?",
    removeDisk(lun),
    "exit $code",
  ].join("\n");
}

/** Paths without those that lie below others. */
export function outermost(paths: readonly string[]): readonly string[] {
  return [...new Set(paths)].filter(
    (path, _, all) =>
      !all.some((other) => other !== path && `${path}/`.startsWith(`${other.replace(/\/$/, "")}/`)),
  );
}
