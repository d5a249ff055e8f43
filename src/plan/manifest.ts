/**
 * What a `copy` source consists of, as far as it decides the result.
 *
 * Modification times, the host's owner and permission bits other than "executable" are left out on
 * purpose: the same checkout on another machine must give the same id.
 */
export interface Manifest {
  /** The source as the spec spells it, normalised: no leading `/`, no `.` components; `""` is the context itself. */
  readonly source: string;
  /** The source itself first (path `""`), then everything below it, parents before children, sorted by path bytes. */
  readonly entries: readonly ManifestEntry[];
  /** SHA-256 over the entries, lower-case hex. Two manifests with one digest copy the same thing. */
  readonly digest: string;
}

export type ManifestEntry = ManifestFile | ManifestSymlink | ManifestDirectory;

export interface ManifestFile {
  readonly kind: "file";
  /** Relative to the source, `/`-separated; `""` when the source itself is a file. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Any execute bit set: copied as 0755 instead of 0644. */
  readonly executable: boolean;
  /** SHA-256 of the content, lower-case hex. */
  readonly digest: string;
}

export interface ManifestSymlink {
  readonly kind: "symlink";
  readonly path: string;
  /** The link's text, never followed. */
  readonly target: string;
}

export interface ManifestDirectory {
  readonly kind: "directory";
  readonly path: string;
}
