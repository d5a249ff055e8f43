/** What looking through a store finds. */

/** One thing that is not as a store promises. Paths are absolute. */
export type StoreFinding =
  /** A part of a layer that must be there. */
  | { readonly reason: "file-missing"; readonly path: string }
  /** A `layer.json` that is torn, of a later version, or another layer's. */
  | { readonly reason: "record-invalid"; readonly path: string }
  /** An entry that vmbuild did not make. */
  | { readonly reason: "entry-unknown"; readonly path: string }
  | {
      readonly reason: "mode-wrong";
      readonly path: string;
      /** Permission bits as they are, and as they must be. */
      readonly mode: number;
      readonly expected: number;
    }
  /** `qemu-img` cannot read a disk, or its check found something. */
  | { readonly reason: "disk-damaged"; readonly path: string; readonly message: string }
  | {
      readonly reason: "backing-wrong";
      readonly path: string;
      /** What the disk is backed by, as it spells it; absent when by nothing. */
      readonly backingPath?: string;
      readonly expected: string;
    }
  | { readonly reason: "parent-missing"; readonly path: string; readonly parent: string }
  /** A file below `base-image` that a layer is built on or boots with. */
  | { readonly reason: "base-file-missing"; readonly path: string; readonly layer: string }
  /** The content of a base image does not have the SHA-256 that is its name. */
  | { readonly reason: "content-changed"; readonly path: string; readonly digest: string }
  /** A download no longer has the checksum that is its name. */
  | { readonly reason: "download-changed"; readonly path: string; readonly digest: string }
  | { readonly reason: "cache-damaged"; readonly path: string; readonly message: string }
  | { readonly reason: "tag-damaged"; readonly path: string }
  | { readonly reason: "tag-dangling"; readonly name: string; readonly id: string }
  /** A temporary entry whose process has ended. The next start clears it away. */
  | { readonly reason: "left-over"; readonly path: string; readonly pid: number }
  /** A QEMU that uses the store, without a process of vmbuild that it belongs to. */
  | { readonly reason: "machine-orphaned"; readonly pid: number }
  /** A suspended machine that no step can go on with: it costs a boot, and nothing else. */
  | { readonly reason: "suspended-unusable"; readonly path: string; readonly message: string }
  /** What the system said when something could not be looked at. */
  | { readonly reason: "unreadable"; readonly path: string; readonly message: string };

/** A temporary entry of a process that lives. */
export interface EntryInUse {
  readonly path: string;
  readonly pid: number;
}

/** What was looked at, and what of it is wrong. */
export interface StoreReport {
  readonly root: string;
  readonly layers: number;
  readonly baseImages: number;
  readonly downloads: number;
  readonly caches: number;
  readonly suspendedMachines: number;
  readonly findings: readonly StoreFinding[];
  readonly inUse: readonly EntryInUse[];
}

/** True for what harms no build. */
export function isWarning({ reason }: StoreFinding): boolean {
  return reason === "suspended-unusable";
}
