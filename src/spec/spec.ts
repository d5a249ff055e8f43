/**
 * The decoded spec: what a build description says, free of syntax.
 *
 * The language is OBuilder's (`lib_spec/spec.mli` of ocurrent/obuilder), plus three additions of our
 * own: `(timeout …)` in `run`, `(reboot)`, and `NAME@sha256:DIGEST` in `from`.
 */
import type { SourceRange } from "./source.ts";

/** One `from` and its ops, with the nested builds whose files later ops may copy. */
export interface Spec {
  readonly childBuilds: readonly ChildBuild[];
  readonly from: From;
  readonly ops: readonly Op[];
}

/** `(build NAME (…))`: a build in scope for `(copy (from (build NAME)) …)` of everything after it. */
export interface ChildBuild {
  readonly name: string;
  readonly spec: Spec;
  readonly range: SourceRange;
}

/** `(from NAME)` or `(from NAME@sha256:DIGEST)`. */
export interface From {
  readonly name: string;
  /** Lower-case hex SHA-256 that the base image's content must have; absent when not pinned. */
  readonly digest?: string;
  readonly range: SourceRange;
}

export type Op = CommentOp | WorkdirOp | ShellOp | EnvOp | UserOp | RunOp | CopyOp | RebootOp;

interface OpBase {
  /** Where the whole directive stands, for diagnostics and headings. */
  readonly range: SourceRange;
}

/** `(comment TEXT)`: no effect on the build. */
export interface CommentOp extends OpBase {
  readonly op: "comment";
  readonly text: string;
}

/** `(workdir PATH)`: relative paths are taken from the current workdir. */
export interface WorkdirOp extends OpBase {
  readonly op: "workdir";
  readonly path: string;
}

/** `(shell ARG …)`: the argv to which the text of each later `run` is appended as one argument. */
export interface ShellOp extends OpBase {
  readonly op: "shell";
  readonly argv: readonly string[];
}

/** `(env NAME VALUE)`. */
export interface EnvOp extends OpBase {
  readonly op: "env";
  readonly name: string;
  readonly value: string;
}

/** `(user (uid N) (gid N))`, in either order, or `(user (name NAME))`. */
export interface UserOp extends OpBase {
  readonly op: "user";
  readonly user: User;
}

export type User =
  | { readonly kind: "unix"; readonly uid: number; readonly gid: number }
  | { readonly kind: "name"; readonly name: string };

/** `(run (cache …) (network …) (secrets …) (timeout …) (shell COMMAND))`. */
export interface RunOp extends OpBase {
  readonly op: "run";
  /** The text handed to the shell. */
  readonly command: string;
  readonly caches: readonly CacheMount[];
  readonly network: readonly string[];
  /** The first name in `network` that means nothing here. */
  readonly unknownNetwork?: { readonly name: string; readonly range: SourceRange };
  readonly secrets: readonly SecretMount[];
  /** How long the command may take; absent means no limit. vmbuild's own addition. */
  readonly timeoutMs?: number;
}

/** `(NAME (target PATH) (buildkit_options ((KEY VALUE) …)))` in `(cache …)`. */
export interface CacheMount {
  readonly id: string;
  readonly target: string;
  /** Only for the translation to Dockerfiles; no effect here. */
  readonly buildkitOptions: readonly (readonly [string, string])[];
  readonly range: SourceRange;
}

/** `(NAME (target PATH) …)` in `(secrets …)`. */
export interface SecretMount {
  readonly id: string;
  readonly target: string;
  readonly buildkitOptions: readonly (readonly [string, string])[];
  readonly range: SourceRange;
}

/** `(copy (from …) (src PATH …) (dst PATH) (exclude NAME …))`. */
export interface CopyOp extends OpBase {
  readonly op: "copy";
  readonly from: CopySource;
  readonly src: readonly CopyPath[];
  readonly dst: string;
  /** Base names left out at every depth below each source (never a source itself). */
  readonly exclude: readonly string[];
}

/** One source path with its place in the spec, for the message when it does not exist. */
export interface CopyPath {
  readonly path: string;
  readonly range: SourceRange;
}

export type CopySource =
  | { readonly kind: "context" }
  | { readonly kind: "build"; readonly name: string };

/** `(reboot)`: the next step starts on a freshly booted machine. vmbuild's own addition. */
export interface RebootOp extends OpBase {
  readonly op: "reboot";
}
