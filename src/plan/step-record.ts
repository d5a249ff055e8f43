/**
 * What decides a step's id: one record per op, each field with the reason why it is in.
 *
 * Left out on purpose, because the result must be the same without them: caches, timeouts, memory,
 * CPUs, the accelerator, `(reboot)`, cold or warm, and the names of base images and builds.
 */

/** Raised when the same inputs no longer give the same layer; every existing layer is then built anew. */
export const RECORD_VERSION = 1;

/** All that decides one step's id. */
export type StepRecord = FromRecord | RunRecord | CopyRecord;

interface RecordOf<Op extends string> {
  /** Lets a later vmbuild tell its records from these. */
  readonly version: typeof RECORD_VERSION;
  /** Keeps the records of two ops apart whatever their fields hold. */
  readonly op: Op;
}

/** What decides a `from` of an image. A tagged layer has an id already. */
export interface FromRecord extends RecordOf<"from"> {
  /** SHA-256 of the image's content: what is on the disk at the start. Never the image's name. */
  readonly base: string;
  /** The profile fields that a guest can see (hardware, kernel, who logs in), and so can depend on. */
  readonly guest: Readonly<Record<string, unknown>>;
  /** Bytes the disk is grown to: the guest sees its disk's size and may fill it. Null keeps the image's. */
  readonly diskSizeBytes: number | null;
}

/** What decides a `run`. */
export interface RunRecord extends RecordOf<"run"> {
  /** Id of the layer the command starts from: everything that is on the disk. */
  readonly parent: string;
  /** The text the shell is given. */
  readonly command: string;
  /** Another shell may read the same text differently. */
  readonly shell: readonly string[];
  /** Relative paths in the command start here. */
  readonly workdir: string;
  /** Decides what the command may do and who owns what it makes. */
  readonly user: UserRecord;
  /** Commands read it; sorted by name, as its order means nothing. */
  readonly env: readonly (readonly [name: string, value: string])[];
  /** A command may succeed differently with a network than without. */
  readonly network: boolean;
  /** Which secret is offered under which path, never its value; sorted, as the order means nothing. */
  readonly secrets: readonly (readonly [id: string, target: string])[];
}

/** What decides a `copy`. */
export interface CopyRecord extends RecordOf<"copy"> {
  /** Id of the layer the files are laid onto. */
  readonly parent: string;
  /** Owns the files in the guest. */
  readonly user: UserRecord;
  /** What is copied and where to. */
  readonly source: ContextSourceRecord | BuildSourceRecord;
}

/** Files from the build context. */
export interface ContextSourceRecord {
  /** Keeps the two kinds of source apart. */
  readonly kind: "context";
  /** In the order of the spec, as a later one may replace files of an earlier one. */
  readonly items: readonly {
    /** Digest of the source's manifest: paths, contents, execute bits and link texts. */
    readonly manifest: string;
    /** Absolute path in the guest. */
    readonly destination: string;
  }[];
}

/** Files from a nested build. */
export interface BuildSourceRecord {
  /** Keeps the two kinds of source apart. */
  readonly kind: "build";
  /** Last step of the build copied from: all its content, so the content need not be looked at. */
  readonly id: string;
  /** Which paths of it go where, in the order of the spec. */
  readonly paths: readonly { readonly path: string; readonly destination: string }[];
  /** Decides which files below the paths are left out; sorted, as the order means nothing. */
  readonly exclude: readonly string[];
}

/** An account by what the spec says of it, or whoever the profile logs in (which is in `guest`). */
export type UserRecord =
  | { readonly kind: "login" }
  | { readonly kind: "unix"; readonly uid: number; readonly gid: number }
  | { readonly kind: "name"; readonly name: string };
