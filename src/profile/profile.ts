/**
 * A profile: what differs per guest. It is TOML beside the image (`base-image/NAME.toml`).
 */
export interface Profile {
  readonly os: GuestOs;
  readonly arch: GuestArch;
  /** QEMU machine type (`-M`), for example `pc`, `q35`, `virt`. */
  readonly machine: string;
  readonly boot: BootSource;
  /** How the system disk is attached. */
  readonly diskBus: DiskBus;
  readonly login: Login;
  /** The account steps run as until the spec says `user`; `login` leaves it at whoever logs in. */
  readonly user: ProfileUser;
  /** The argv to which a command's text is appended until the spec says `shell`. */
  readonly shell: readonly string[];
  /** Environment every step starts with. */
  readonly env: Readonly<Record<string, string>>;
  readonly memoryBytes: number;
  readonly cpus: number;
  /** From the start of QEMU to the first usable SSH session. */
  readonly bootTimeoutMs: number;
  /** From the ACPI power button to the end of QEMU. */
  readonly powerOffTimeoutMs: number;
  readonly bulkTransport: BulkTransport;
  /** `cold` boots a machine for every step; absent goes on with suspended machines where that works. */
  readonly bootMode?: BootMode;
  /** Size the disk is grown to at `from`; absent keeps the image's size. */
  readonly diskSizeBytes?: number;
}

export type BootMode = "warm" | "cold";
export type GuestOs = "linux" | "freebsd" | "openbsd" | "windows";
export type GuestArch = "x86_64" | "aarch64";
export type DiskBus = "virtio" | "scsi" | "sata" | "ide" | "nvme";
/**
 * How caches and large copies travel: `virtio-scsi` hot-plugs disks, `stream` sends tar streams through the
 * session.
 */
export type BulkTransport = "virtio-scsi" | "stream";

export type ProfileUser =
  | { readonly kind: "login" }
  | { readonly kind: "unix"; readonly uid: number; readonly gid: number }
  | { readonly kind: "name"; readonly name: string };

/** How the guest's kernel is found. */
export type BootSource =
  /** By the firmware from the disk. */
  | { readonly kind: "firmware"; readonly firmware: Firmware }
  /** By QEMU itself, from files outside the disk (`-kernel`, `-initrd`, `-append`). */
  | {
      readonly kind: "kernel";
      /** Absolute host path. */
      readonly kernel: string;
      readonly initrd?: string;
      readonly append: string;
    };

/** `bios` is QEMU's default for the machine type; a UEFI image is named by its absolute host path. */
export type Firmware =
  | { readonly kind: "bios" }
  | { readonly kind: "uefi"; readonly codePath: string };

export interface Login {
  readonly user: string;
  /** TCP port of the SSH server inside the guest. */
  readonly port: number;
  readonly identity: Identity;
  /** OpenSSH public host key (`ssh-ed25519 AAAA…`) the guest must show; absent accepts any. */
  readonly hostKey?: string;
  /** How the login user becomes root, when it is not. */
  readonly become: "none" | "sudo" | "doas";
}

export type Identity =
  /** The key pair made for this store. */
  | { readonly kind: "store" }
  /** A private key file of the user's, by absolute path. */
  | { readonly kind: "file"; readonly path: string }
  /** The user's own agent and `~/.ssh/id_*` files, as `ssh` would try them. */
  | { readonly kind: "user" };
