import type { Session } from "../machine/session.ts";
import type { Profile } from "../profile/profile.ts";
import { failed, ok, type Result } from "../result.ts";
import type { SandboxFailure } from "./failure.ts";
import type { Guest, GuestDisks } from "./guest.ts";
import { PosixGuest } from "./posix-guest.ts";

/** The right hand for a guest's operating system; none yet for Windows. */
export function guestOf(session: Session, profile: Profile, disks?: GuestDisks): Guest {
  return new PosixGuest(session, profile, disks);
}

/** Refuses, before anything is booted, a guest in which no step can run. */
export function checkGuest({ os }: Profile): Result<void, SandboxFailure> {
  if (os !== "windows") return ok();
  return failed({
    reason: "guest-setup-failed",
    message: "this version cannot run steps in a Windows guest",
    hint: "use a Linux or BSD base image",
  });
}
