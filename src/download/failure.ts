import type { StoreFailure } from "../store/failure.ts";

/** What can go wrong with getting a file. `source` is its URL or path. */
export type DownloadFailure =
  /** The server could not be reached, or did not give the file. */
  | {
      readonly reason: "download-failed";
      readonly source: string;
      /** A clause in lower case. */
      readonly message: string;
      /** What came of the file and is kept for the next try; 0 when nothing is. */
      readonly keptBytes: number;
    }
  /** Nothing came for too long. */
  | {
      readonly reason: "download-stalled";
      readonly source: string;
      readonly idleMs: number;
      readonly keptBytes: number;
    }
  /** The bytes are not those that were expected. Nothing of them is kept. */
  | {
      readonly reason: "checksum-mismatch";
      readonly source: string;
      readonly algorithm: string;
      readonly expected: string;
      readonly actual: string;
    }
  /** A file of this host cannot be read. */
  | { readonly reason: "source-unreadable"; readonly path: string; readonly message: string }
  | StoreFailure;
