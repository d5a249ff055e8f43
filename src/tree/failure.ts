/** What can be wrong with files that a guest handed out as a tar archive. */
export type TreeFailure =
  /** No archive that can be read: cut off, damaged, or made to mislead. `message` says what, in words. */
  | { readonly reason: "archive-invalid"; readonly message: string }
  /** There is nothing at `path`, absolute in the guest. */
  | { readonly reason: "path-missing"; readonly path: string }
  /** A device or a FIFO, which has no content to copy. */
  | { readonly reason: "special-file"; readonly path: string }
  /** A name or a symlink's text is no UTF-8; `path` shows each bad byte as U+FFFD. */
  | { readonly reason: "name-not-utf8"; readonly path: string };
