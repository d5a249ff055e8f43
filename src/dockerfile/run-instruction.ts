import type { CacheMount, RunOp, SecretMount, User } from "../spec/spec.ts";
import { foldLines } from "./fold-lines.ts";
import { type EscapeToken, jsonForm, mountFlag } from "./quoting.ts";

/** What a `RUN` depends on beside its op. */
export interface RunContext {
  readonly token: EscapeToken;
  /** Whether mounts can be written. */
  readonly buildkit: boolean;
  readonly user: User;
  /** What Docker puts before a command in shell form. */
  readonly shell: readonly string[];
}

/**
 * `RUN …`: in shell form when Docker then hands exactly the command to the shell, else as the argv of
 * shell and command in JSON. A mount belongs to the user's uid when the user is given by one.
 */
export function runInstruction(op: RunOp, context: RunContext): string {
  const { token, buildkit, shell } = context;
  const words = buildkit
    ? [
        ...op.secrets.map((mount) => mountOf("secret", mount, context)),
        ...op.caches.map((mount) => mountOf("cache", mount, context)),
      ]
    : [];
  const lines = shell.length === 0 ? undefined : shellForm(op.command, token);
  const command = lines?.join(` ${token}\n    `) ?? jsonForm([...shell, op.command]);
  return ["RUN", ...words, command].join(" ");
}

function mountOf(
  type: "cache" | "secret",
  { id, target, buildkitOptions }: CacheMount | SecretMount,
  { token, user }: RunContext,
): string {
  const owner: [string, string][] = user.kind === "unix" ? [["uid", String(user.uid)]] : [];
  return mountFlag(
    [["type", type], ["id", id], ["target", target], ...owner, ...buildkitOptions],
    token,
  );
}

/** The lines of a command that can stand bare after `RUN`. */
function shellForm(command: string, token: EscapeToken): string[] | undefined {
  const lines = foldLines(command);
  const first = lines?.[0];
  const last = lines?.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const isMisread =
    // A flag, a here document, a continued line, blanks that Docker trims and a shell does not.
    first.startsWith("--") ||
    command.includes("<<") ||
    last.endsWith(token) ||
    /^\s|\s$/u.test(first + last) ||
    /[^\P{Cc}\t\n]/u.test(command) ||
    isJsonArray(lines?.join(" ") ?? "");
  return isMisread ? undefined : lines;
}

/** Docker takes such a command for an argv, or refuses it. */
function isJsonArray(text: string): boolean {
  if (!text.startsWith("[")) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
