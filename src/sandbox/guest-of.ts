import type { Session } from "../machine/session.ts";
import type { Profile } from "../profile/profile.ts";
import type { Guest } from "./guest.ts";
import { PosixGuest } from "./posix-guest.ts";

/** The right hand for a guest's operating system. */
export function guestOf(session: Session, profile: Profile): Guest {
  return new PosixGuest(session, profile);
}
