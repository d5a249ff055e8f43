/**
 * What can go wrong with a build context. Every `path` is relative to the context unless it says
 * otherwise.
 */
export type ContextFailure =
  /** There is nothing at the context's own path. */
  | { readonly reason: "context-missing"; readonly contextDir: string }
  /** The context's own path is a file or the like. */
  | { readonly reason: "context-not-a-directory"; readonly contextDir: string }
  /** There is nothing at a source's path; `suggestion` is a path nearby that was perhaps meant. */
  | { readonly reason: "source-missing"; readonly path: string; readonly suggestion?: string }
  /** A source's path has `..` in it. */
  | { readonly reason: "leaves-context"; readonly path: string }
  /** A source's path leads through the symlink `link`, which may lead anywhere. */
  | { readonly reason: "through-symlink"; readonly path: string; readonly link: string }
  /** A source's path goes on (or ends in `/`) after `file`, which is no directory. */
  | { readonly reason: "not-a-directory"; readonly path: string; readonly file: string }
  /** A source that the context's ignore file leaves out. */
  | { readonly reason: "source-ignored"; readonly path: string; readonly ignoreFile: string }
  /** The context's ignore file cannot be read; `why` is in words. */
  | { readonly reason: "ignore-file-unusable"; readonly path: string; readonly why: string }
  /** A file that cannot be copied by its content; `exclude` leaves it out. */
  | {
      readonly reason: "unsupported-file-type";
      readonly path: string;
      readonly type: UnsupportedFileType;
    }
  /** The host refuses to list or read something; `code` is the system's, for example `EACCES`. */
  | { readonly reason: "unreadable"; readonly path: string; readonly code: string }
  /** A file's name or a symlink's text is no UTF-8; `path` shows each bad byte as U+FFFD. */
  | { readonly reason: "not-utf8"; readonly path: string; readonly what: "name" | "link-target" }
  /** A file went, or its content is not what it was when it was first looked at. */
  | { readonly reason: "changed-while-read"; readonly path: string }
  | { readonly reason: "cancelled" };

/** Kinds of file that have no content to copy, in words. */
export type UnsupportedFileType =
  | "socket"
  | "fifo"
  | "block device"
  | "character device"
  | "unknown type";
