/**
 * A copy's tar stream as a disk, which the guest's tar reads many times faster than what a session brings.
 */
import { createWriteStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { ManifestTar } from "../context/tar-stream.ts";
import type { Session } from "../machine/session.ts";
import type { CopyItem } from "../plan/step.ts";
import type { Profile } from "../profile/profile.ts";
import { failed, ok, type Result } from "../result.ts";
import type { SandboxFailure } from "./failure.ts";
import type { GuestDisks } from "./guest.ts";
import { rootScript } from "./posix-command.ts";
import { noDiskCode, unpackDiskScript } from "./posix-files.ts";
import { runScript, type ScriptAnswer } from "./remote-script.ts";
import type { SandboxHooks } from "./sandbox.ts";

/** From so many bytes on a disk is no slower than a stream (measured under emulation, see docs/bulk-data.md). */
export const bulkBytes = 8 * 2 ** 20;

/** A file's header and padding take a block of tar and on average half of another. */
const entryBytes = 768;

/** Whether what `items` bring is worth a disk. */
export function isBulk(items: readonly CopyItem[]): boolean {
  let bytes = 0;
  for (const { manifest } of items) {
    for (const entry of manifest.entries) {
      bytes += entryBytes + (entry.kind === "file" ? entry.sizeBytes : 0);
    }
  }
  return bytes >= bulkBytes;
}

/** What a copy by disk works with. */
export interface DiskCopy {
  readonly session: Session;
  readonly profile: Profile;
  readonly disks: GuestDisks;
  readonly tar: ManifestTar;
  readonly hooks: SandboxHooks;
}

/**
 * Unpacks the archive as root. Undefined, after a note, when that could not be begun: the guest is as it was, and
 * the archive can be made again.
 */
export async function copyByDisk(
  copy: DiskCopy,
): Promise<Result<ScriptAnswer, SandboxFailure> | undefined> {
  const { disks, tar, hooks } = copy;
  const path = join(disks.workDir, "copy.tar");
  try {
    const written = await write(tar, disks.workDir, path);
    if (!written.ok) return written;
    if (hooks.signal.aborted) return failed({ reason: "cancelled" });
    if (written.value === undefined) return await unpack(copy, path);
    disks.note(`the copy goes by a stream: ${written.value}`);
    return undefined;
  } finally {
    await rm(path, { force: true });
  }
}

/** Gives what is wrong with the host, in words; a failure is one of the build context. */
async function write(
  tar: ManifestTar,
  dir: string,
  path: string,
): Promise<Result<string | undefined, SandboxFailure>> {
  let trouble: string | undefined;
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await pipeline(tar.stream, createWriteStream(path, { flags: "wx", mode: 0o600 }));
  } catch (error) {
    trouble = (error as Error).message;
    tar.stream.destroy();
  }
  const sent = await tar.outcome;
  return !sent.ok && sent.error.reason !== "cancelled" ? sent : ok(trouble);
}

async function unpack(
  { session, profile, disks, hooks }: DiskCopy,
  path: string,
): Promise<Result<ScriptAnswer, SandboxFailure> | undefined> {
  const { signal } = hooks;
  const plugged = await disks.hotPlug.plug({ path, format: "raw" }, signal);
  if (!plugged.ok) {
    disks.note(`the copy goes by a stream: ${plugged.error}`);
    return undefined;
  }
  const unpacked = await runScript(session, {
    command: rootScript(profile, unpackDiskScript(plugged.value.lun, true)),
    signal,
    stdoutTo: hooks.onOutput,
  });
  if (!unpacked.ok) return unpacked;
  const unplugged = await plugged.value.unplug(signal);
  if (!unplugged.ok) disks.note(`a disk could not be unplugged: ${unplugged.error}`);
  if (unpacked.value.code !== noDiskCode) return unpacked;
  disks.note("the copy goes by a stream: the guest does not find the disk");
  return undefined;
}
