import type { CopyOp, User } from "../spec/spec.ts";
import { type EscapeToken, escapedWord, flag, jsonForm } from "./quoting.ts";

/** What a `COPY` depends on beside its op. */
export interface CopyContext {
  readonly token: EscapeToken;
  /** Absent when the files are to belong to the user Docker gives them to anyway. */
  readonly owner: string | undefined;
  /** The stage to copy from; absent for the build context. */
  readonly stage: string | undefined;
}

/** Paths that mean themselves in the form that is split at blanks, whatever the escape token. */
const plainPath = /^(?!--)[^\s"'$<`\\*?[\]\p{Cc}]+$/u;

/** `COPY …`, in JSON form when a path has something in it that Docker would act on. */
export function copyInstruction(op: CopyOp, { token, owner, stage }: CopyContext): string {
  const flags: string[] = [];
  if (owner !== undefined) flags.push(flag("chown", owner, token));
  if (stage !== undefined) flags.push(`--from=${stage}`);
  // Docker refuses an empty path.
  const src = op.src.map(({ path }) => (path === "" ? "." : path));
  const dst = op.dst === "" ? "./" : op.dst;
  const isPlain = [...src, dst].every((path) => plainPath.test(path));
  const paths = isPlain
    ? [...src, dst].join(" ")
    : jsonForm([...src.map(literalPattern), dst].map((path) => escapedWord(path, token)));
  return ["COPY", ...flags, paths].join(" ");
}

/** Whose files a `copy` makes, where that is not root as in Docker. */
export function copyOwner(user: User, isWindows: boolean): string | undefined {
  if (user.kind === "unix") {
    return user.uid === 0 && user.gid === 0 ? undefined : `${user.uid}:${user.gid}`;
  }
  // Docker knows no owner of a copy on Windows.
  return isWindows || user.name === "root" ? undefined : user.name;
}

/**
 * A source path as the pattern that matches just it. Docker takes a component with `*`, `?` or `[` and
 * all after it for patterns, in which a backslash escapes; those before it are literal.
 */
function literalPattern(path: string): string {
  const components = path.split("/");
  const first = components.findIndex((component) => /[*?[]/u.test(component));
  if (first === -1) return path;
  const patterns = components
    .slice(first)
    .map((component) =>
      component.replaceAll(/[*?[]|\\/gu, (c) => (c === "\\" ? "\\\\" : `[${c}]`)),
    );
  return [...components.slice(0, first), ...patterns].join("/");
}
