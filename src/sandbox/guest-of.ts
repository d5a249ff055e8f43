import type { HotPlug } from "../machine/hot-plug.ts";
import type { Session } from "../machine/session.ts";
import type { Profile } from "../profile/profile.ts";
import { failed, ok, type Result } from "../result.ts";
import type { ReadFailure, SandboxFailure } from "./failure.ts";
import type { Guest, GuestOptions } from "./guest.ts";
import { PosixGuest } from "./posix-guest.ts";
import type { LentGuest, ReadJob, SandboxTask } from "./sandbox.ts";
import { checkWindowsTask, WindowsGuest } from "./windows-guest.ts";

/** The right hand for a guest's operating system. */
export function guestOf(session: Session, profile: Profile, options: GuestOptions): Guest {
  return profile.os === "windows"
    ? new WindowsGuest(session, profile)
    : new PosixGuest(session, profile, options);
}

/** Refuses, before anything is booted, a task that cannot run in any guest of this operating system. */
export function checkTask(profile: Profile, task: SandboxTask): Result<void, SandboxFailure> {
  return profile.os === "windows" ? checkWindowsTask(profile, task) : ok();
}

/** Takes files out of a guest that {@link checkReadable} has let pass. */
export function readFrom(
  guest: Guest,
  job: ReadJob,
  signal: AbortSignal,
): Promise<Result<void, ReadFailure>> {
  if (guest.read === undefined) throw new Error("Internal error: the guest was not checked");
  return guest.read(job, signal);
}

/** Refuses, before anything is booted, to take files out of a guest whose tar and mounts are not known to do for that. */
export function checkReadable({ os }: Profile): Result<void, ReadFailure> {
  if (os === "linux") return ok();
  const message = `files can be taken out of Linux guests only, and this one is ${os}`;
  return failed({ reason: "read-failed", message });
}

/**
 * Whether a guest's file systems are written out when a task has ended, so that a guest that ignores its power button
 * can be switched off.
 */
export function flushesItself({ os }: Profile): boolean {
  return os !== "windows";
}

/** Gives `use` a machine's guest, if disks can be plugged into it. */
export async function lendGuest<T>(
  { session, profile, hotPlug }: Omit<LentGuest, "hotPlug"> & { readonly hotPlug?: HotPlug },
  use: (guest: LentGuest) => Promise<T>,
): Promise<Result<T, SandboxFailure>> {
  if (hotPlug !== undefined) return ok(await use({ session, profile, hotPlug }));
  return failed({
    reason: "guest-setup-failed",
    message: "no disk can be plugged into this guest",
    hint: 'its profile must say bulk-transport = "virtio-scsi"',
  });
}
