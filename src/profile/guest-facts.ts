import type { DiskBus, GuestArch, GuestOs, Profile } from "./profile.ts";

/**
 * What of a profile a guest can see, and so what a step's result can depend on: part of the id of
 * every `from`.
 *
 * Left out: memory, CPUs and timeouts, which must not change a result; identity, host key, port and
 * `become`, which are about reaching the guest; host paths; `env`, `shell` and `user`, which are part
 * of each step's own id.
 */
export type GuestFacts = {
  /** Decides how commands are run at all. */
  readonly os: GuestOs;
  /** Decides which programs run. */
  readonly arch: GuestArch;
  /** QEMU's machine type: the buses and devices the guest finds. */
  readonly machine: string;
  /** Names the disk: `/dev/vda` or `/dev/sda`. */
  readonly diskBus: DiskBus;
  /** The running kernel and its command line are seen by every command. */
  readonly boot: GuestBootFacts;
  /** A step without `user` runs as this account, in its groups. */
  readonly loginUser: string;
};

/** How the guest was started; files by their content, never by their host paths. */
export type GuestBootFacts =
  /** `firmware` is in, as installers and `/sys/firmware/efi` tell the two apart. */
  | { readonly kind: "firmware"; readonly firmware: "bios" | "uefi"; readonly digest?: string }
  | {
      readonly kind: "kernel";
      readonly kernelDigest: string;
      readonly initrdDigest?: string;
      /** `/proc/cmdline`. */
      readonly append: string;
    };

/** SHA-256, lower-case hex, of the files outside the disk that the profile names. */
export interface BootDigests {
  /** Needed when the profile has a kernel. */
  readonly kernelDigest?: string;
  /** Needed when the profile has an initrd. */
  readonly initrdDigest?: string;
  /**
   * Makes the very build of the UEFI code count. Without it, an update of the host's firmware package
   * changes no id.
   */
  readonly firmwareDigest?: string;
}

/** The facts of one profile. A missing digest that is needed is a bug of the caller and throws. */
export function guestFacts(profile: Profile, digests: BootDigests): GuestFacts {
  const { os, arch, machine, diskBus, login } = profile;
  return { os, arch, machine, diskBus, boot: bootFacts(profile, digests), loginUser: login.user };
}

function bootFacts({ boot }: Profile, digests: BootDigests): GuestBootFacts {
  const { kernelDigest, initrdDigest, firmwareDigest } = digests;
  if (boot.kind === "firmware") {
    const withDigest = boot.firmware.kind === "uefi" && firmwareDigest !== undefined;
    return {
      kind: "firmware",
      firmware: boot.firmware.kind,
      ...(withDigest && { digest: firmwareDigest }),
    };
  }
  if (kernelDigest === undefined) throw new Error("Internal error: no digest of the kernel");
  if (boot.initrd === undefined) return { kind: "kernel", kernelDigest, append: boot.append };
  if (initrdDigest === undefined) throw new Error("Internal error: no digest of the initrd");
  return { kind: "kernel", kernelDigest, initrdDigest, append: boot.append };
}
