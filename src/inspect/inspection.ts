/** What is known of a disk without booting it. Texts may come from the image. */

/** A partition, a logical volume or the like. */
export interface VolumeDescription {
  /** `partition 1`, `logical volume vg/root`, `the whole disk`. */
  readonly place: string;
  /** `ext4`, `xfs`, `btrfs`, `vfat`, `swap`, `LVM`, `encrypted (LUKS)`, `NTFS`, `unknown`. */
  readonly type: string;
  readonly uuid?: string;
  readonly label?: string;
  readonly sizeBytes: number;
  /** Of a file system that the system mounts. */
  readonly mounted?: {
    readonly on: string;
    readonly totalBytes: number;
    readonly usedBytes: number;
    /** For others than root. */
    readonly availableBytes: number;
  };
}

/** An account of `/etc/passwd`. */
export interface UserAccount {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

/** An installed package. */
export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  /** As its own package manager spells it; absent when that does not say. */
  readonly arch?: string;
}

/** Whose list of installed packages there is. */
export type PackageFormat = "dpkg" | "rpm" | "apk" | "pacman";

export interface Inspection {
  /** The size of the disk, as a guest sees it. */
  readonly diskBytes: number;
  readonly system: {
    /** Where its root is. */
    readonly place: string;
    /** As it calls itself; empty when it does not. */
    readonly name: string;
    /** os-release(5), by its own keys. */
    readonly osRelease: Readonly<Record<string, string>>;
    /** As `uname -m` spells it; absent when it is not known. */
    readonly arch?: string;
    readonly hostname?: string;
  };
  readonly volumes: readonly VolumeDescription[];
  /** Absent when the system has no list that is known. */
  readonly packageFormat?: PackageFormat;
  readonly packages: readonly InstalledPackage[];
  readonly users: readonly UserAccount[];
}
