/** Cloud images that distributions publish. Pure. */
import { defaultProfile } from "../profile/default-profile.ts";
import type { GuestArch, Profile } from "../profile/profile.ts";

export interface CloudImage {
  /** A qcow2 image for x86-64 that has cloud-init; the newest, where the publisher has a name for that. */
  readonly url: string;
  /** The file with its checksum, relative to that. */
  readonly checksums: string;
}

const cloudImages: Readonly<Record<string, CloudImage>> = {
  "debian-12-cloud": {
    url: "https://cloud.debian.org/images/cloud/bookworm/latest/debian-12-genericcloud-amd64.qcow2",
    checksums: "SHA512SUMS",
  },
  "ubuntu-24.04": {
    url: "https://cloud-images.ubuntu.com/releases/24.04/release/ubuntu-24.04-server-cloudimg-amd64.img",
    checksums: "SHA256SUMS",
  },
  "rocky-9": {
    url: "https://dl.rockylinux.org/pub/rocky/9/images/x86_64/Rocky-9-GenericCloud-Base.latest.x86_64.qcow2",
    checksums: "CHECKSUM",
  },
  fedora: {
    url: "https://download.fedoraproject.org/pub/fedora/linux/releases/44/Cloud/x86_64/images/Fedora-Cloud-Base-Generic-44-1.7.x86_64.qcow2",
    checksums: "Fedora-Cloud-44-1.7-x86_64-CHECKSUM",
  },
};

/** The cloud image that a base image of that name is made of; undefined when it is made by another recipe. */
export function cloudImage(name: string): CloudImage | undefined {
  return Object.hasOwn(cloudImages, name) ? cloudImages[name] : undefined;
}

/**
 * The guest in a cloud image, but for how to log in: room enough for a package manager, and time enough for the first boot
 * of a whole distribution under software emulation.
 */
export function cloudProfile(arch: GuestArch): Profile {
  const profile = defaultProfile("linux", arch);
  return {
    ...profile,
    machine: arch === "x86_64" ? "q35" : profile.machine,
    memoryBytes: 2 * 1024 ** 3,
    bootTimeoutMs: 5 * 60_000,
    powerOffTimeoutMs: 2 * 60_000,
  };
}
