import { constants } from "node:fs";
import { access } from "node:fs/promises";
import type { GuestArch } from "../profile/profile.ts";

/** Where KVM is looked for. */
export interface Host {
  /** As Node names it (`process.arch`). */
  readonly arch: string;
  readonly kvmPath: string;
}

/** The host this runs on. */
export function thisHost(): Host {
  return { arch: process.arch, kvmPath: "/dev/kvm" };
}

/** Why KVM is out of the question for guests of `arch`, or undefined when it may work. */
export async function kvmObstacle(arch: GuestArch, host: Host): Promise<string | undefined> {
  const hostArch = host.arch === "arm64" ? "aarch64" : host.arch === "x64" ? "x86_64" : host.arch;
  if (arch !== hostArch) return `KVM cannot run ${arch} guests on a host of ${hostArch}`;
  try {
    await access(host.kvmPath, constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT"
      ? `the host has no ${host.kvmPath}`
      : `${host.kvmPath} may not be opened (is the user in the group kvm?)`;
  }
}
