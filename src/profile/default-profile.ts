import type { DiskBus, GuestArch, GuestOs, Profile, ProfileUser } from "./profile.ts";

const GIB = 1024 ** 3;
const SECOND = 1000;

/** Where `firmware = "uefi"` finds its code: the files of Debian's packages ovmf and qemu-efi-aarch64. */
export const UEFI_CODE_PATHS: Readonly<Record<GuestArch, string>> = {
  x86_64: "/usr/share/OVMF/OVMF_CODE_4M.fd",
  aarch64: "/usr/share/AAVMF/AAVMF_CODE.fd",
};

/**
 * What a profile says when it says nothing but `os` and `arch`.
 *
 * | key                 | linux            | freebsd, openbsd | windows           |
 * |---------------------|------------------|------------------|-------------------|
 * | `machine`           | pc, virt¹        | pc, virt¹        | q35, virt¹        |
 * | `firmware`          | bios, uefi¹      | bios, uefi¹      | bios, uefi¹       |
 * | `disk-bus`          | virtio           | virtio           | sata, nvme¹       |
 * | `shell`             | /bin/bash -c     | /bin/sh -c       | cmd /S /C         |
 * | `user`              | root²            | root²            | login             |
 * | `env`               | empty            | empty            | empty             |
 * | `memory`            | 1G               | 1G               | 4G                |
 * | `cpus`              | 2                | 2                | 2                 |
 * | `boot-timeout`      | 120s             | 120s             | 600s              |
 * | `power-off-timeout` | 30s              | 30s              | 120s              |
 * | `bulk-transport`    | virtio-scsi      | stream           | stream            |
 * | `disk-size`         | the image's own  | the image's own  | the image's own   |
 * | `login.user`        | root             | root             | Administrator     |
 * | `login.port`        | 22               | 22               | 22                |
 * | `login.identity`    | store            | store            | store             |
 * | `login.host-key`    | any              | any              | any               |
 * | `login.become`      | sudo³            | sudo, doas³      | none              |
 *
 * ¹ the second on aarch64, which has no BIOS; ² `login` where the login user cannot become root;
 * ³ none for the login user root; doas on OpenBSD.
 *
 * The times are long enough for software emulation.
 */
export function defaultProfile(os: GuestOs, arch: GuestArch): Profile {
  const windows = os === "windows";
  const arm = arch === "aarch64";
  return {
    os,
    arch,
    machine: defaultMachine(os, arch),
    boot: {
      kind: "firmware",
      firmware: arm ? { kind: "uefi", codePath: UEFI_CODE_PATHS[arch] } : { kind: "bios" },
    },
    diskBus: defaultDiskBus(os, arch),
    login: {
      user: windows ? "Administrator" : "root",
      port: 22,
      identity: { kind: "store" },
      become: "none",
    },
    user: defaultUser(os, true),
    shell: defaultShell(os),
    env: {},
    memoryBytes: (windows ? 4 : 1) * GIB,
    cpus: 2,
    bootTimeoutMs: (windows ? 600 : 120) * SECOND,
    powerOffTimeoutMs: (windows ? 120 : 30) * SECOND,
    bulkTransport: os === "linux" ? "virtio-scsi" : "stream",
  };
}

/**
 * The profile of a disk image that came without one: what OBuilder's QEMU backend takes for granted,
 * so that an image made for it works as it is. x86_64 Linux on a `pc` with a virtio disk, login `opam`
 * with the user's own SSH keys, who becomes root with sudo; commands run as `opam` in bash; 2 GiB and
 * 2 CPUs. Only the boot is given 120 s instead of OBuilder's 35, which is too short without KVM.
 */
export function obuilderDefaults(): Profile {
  return {
    ...defaultProfile("linux", "x86_64"),
    login: { user: "opam", port: 22, identity: { kind: "user" }, become: "sudo" },
    user: { kind: "login" },
    memoryBytes: 2 * GIB,
  };
}

/** How somebody who logs in as `user` becomes root there. */
export function defaultBecome(os: GuestOs, user: string): Profile["login"]["become"] {
  if (os === "windows" || user === "root") return "none";
  return os === "openbsd" ? "doas" : "sudo";
}

/** Whom steps run as, where the login user is or can become root (`canBeRoot`) and where not. */
export function defaultUser(os: GuestOs, canBeRoot: boolean): ProfileUser {
  return os === "windows" || !canBeRoot ? { kind: "login" } : { kind: "unix", uid: 0, gid: 0 };
}

function defaultMachine(os: GuestOs, arch: GuestArch): string {
  if (arch === "aarch64") return "virt";
  return os === "windows" ? "q35" : "pc";
}

/** Windows has no virtio driver of its own, and `virt` no SATA controller. */
function defaultDiskBus(os: GuestOs, arch: GuestArch): DiskBus {
  if (os !== "windows") return "virtio";
  return arch === "aarch64" ? "nvme" : "sata";
}

function defaultShell(os: GuestOs): readonly string[] {
  if (os === "windows") return ["cmd", "/S", "/C"];
  return [os === "linux" ? "/bin/bash" : "/bin/sh", "-c"];
}
