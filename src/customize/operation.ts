/** What can be done to an image, in virt-customize's words (virt-customize(1), "OPTIONS"). Paths of the image are absolute. */

/** A file or directory of the host's. */
export interface HostPath {
  readonly host: string;
}

/** What becomes of an account's password. */
export type PasswordChange =
  /** `hash` is crypt(3)'s; with `locked` no password fits until somebody unlocks it. */
  | { readonly kind: "hash"; readonly hash: string; readonly locked: boolean }
  /** No password fits, whatever is unlocked. */
  | { readonly kind: "disabled"; readonly locked: boolean }
  /** The one there is fits no more, until somebody unlocks it. */
  | { readonly kind: "locked" };

/** How a command line names a password (virt-customize(1), "PASSWORD SELECTORS"). */
export type PasswordSelector =
  | { readonly kind: "file"; readonly host: string; readonly locked: boolean }
  | { readonly kind: "password"; readonly text: string; readonly locked: boolean }
  | { readonly kind: "random"; readonly locked: boolean }
  | { readonly kind: "disabled"; readonly locked: boolean }
  | { readonly kind: "locked" };

/** How a command line names a public key (virt-customize(1), "SSH KEY"). */
export type KeySelector =
  | { readonly kind: "default" }
  | { readonly kind: "file"; readonly host: string }
  | { readonly kind: "text"; readonly text: string };

/**
 * One operation. `Password` and `Key` are what those are at this point: selectors on a command line, and later what
 * they came to.
 */
export type Operation<Password = PasswordSelector, Key = KeySelector> =
  | { readonly kind: "copy-in"; readonly from: HostPath; readonly dir: string }
  | { readonly kind: "upload"; readonly from: HostPath; readonly path: string }
  | { readonly kind: "copy" | "move"; readonly from: string; readonly path: string }
  | {
      readonly kind: "mkdir" | "touch" | "delete" | "truncate" | "truncate-recursive";
      readonly path: string;
    }
  | { readonly kind: "write" | "append-line"; readonly path: string; readonly text: string }
  | { readonly kind: "edit"; readonly path: string; readonly expression: string }
  | { readonly kind: "chmod"; readonly mode: string; readonly path: string }
  | { readonly kind: "chown"; readonly owner: string; readonly path: string }
  | { readonly kind: "link"; readonly target: string; readonly links: readonly string[] }
  | { readonly kind: "hostname"; readonly name: string }
  | { readonly kind: "timezone"; readonly name: string }
  | { readonly kind: "password"; readonly user: string; readonly password: Password }
  | { readonly kind: "ssh-inject"; readonly user: string; readonly key: Key }
  | { readonly kind: "run-command"; readonly command: string }
  | { readonly kind: "run"; readonly from: HostPath }
  | { readonly kind: "firstboot"; readonly from: HostPath }
  | { readonly kind: "firstboot-command"; readonly command: string }
  | { readonly kind: "install" | "uninstall"; readonly packages: readonly string[] }
  | { readonly kind: "update" }
  | { readonly kind: "selinux-relabel" };

/** An operation with what a person calls it: its flag and argument, without secrets. */
export interface Labelled<O> {
  readonly label: string;
  readonly operation: O;
}

/** What a command line asks for. */
export type AskedOperation = Labelled<Operation>;

/** What is carried out: everything is known. */
export type SettledOperation = Labelled<Operation<PasswordChange, string>>;

/** Whether an operation runs programs of the image's. */
export function runsPrograms({ kind }: Operation<unknown, unknown>): boolean {
  return (
    kind === "run" ||
    kind === "run-command" ||
    kind === "install" ||
    kind === "uninstall" ||
    kind === "update" ||
    kind === "edit"
  );
}
