import type { GuestOs } from "../profile/profile.ts";

/**
 * The tar command that unpacks standard input, short of `-C DIR`. As root it sets modes, and owners by their numbers.
 *
 * OpenBSD's tar has short options only. FreeBSD's (a bsdtar) goes through a symbolic link in a path only with `-P`.
 */
export function unpackTar(os: GuestOs, asRoot: boolean): string {
  switch (os) {
    case "openbsd":
      return asRoot ? "tar -xpNf -" : "tar -xf -";
    case "freebsd":
      return asRoot ? "tar -xpPf - --numeric-owner" : "tar -xPf -";
    default:
      return asRoot ? "tar -xpf - --numeric-owner" : "tar -xf -";
  }
}
