/** What Docker cannot be told, as errors, and what it is not told, as warnings. */
import type { Problems } from "../spec/problems.ts";
import { atomInMessage, clippedAtom } from "../spec/quote-atom.ts";
import type { SourceRange } from "../spec/source.ts";
import type { CopyOp, From, Op, RunOp, User } from "../spec/spec.ts";
import { copyOwner } from "./copy-instruction.ts";

/** The longest line that Docker's parser reads, with its line end. */
const maxLineBytes = 65_535;

/** How the file is written, and who the user is at the op. */
interface Circumstances {
  readonly buildkit: boolean;
  readonly isWindows: boolean;
  readonly user: User;
}

/** `FROM` splits its line at blanks and has no quotes. */
export function checkFrom({ name, range }: From, problems: Problems): void {
  if (!/^--|[\s"'$<\\`]/u.test(name)) return;
  problems.error(range, `${atomInMessage(name)} cannot be the name of an image in a Dockerfile`);
}

/** Warns of what an op says and a Dockerfile does not; an error for what it cannot hold. */
export function checkOp(op: Op, how: Circumstances, problems: Problems): void {
  switch (op.op) {
    case "workdir":
      checkOneLine(op.path, "a folder's name", op.range, problems);
      break;
    case "env":
      checkOneLine(op.name + op.value, "a variable", op.range, problems);
      break;
    case "user":
      if (op.user.kind === "name") checkOneLine(op.user.name, "a user's name", op.range, problems);
      break;
    case "run":
      checkRun(op, how, problems);
      break;
    case "copy":
      checkCopy(op, how, problems);
      break;
    case "reboot":
      problems.warning(op.range, "a Dockerfile has no `reboot`; it is left out");
      break;
    case "comment":
    case "shell":
      break;
    default:
      op satisfies never;
  }
}

/** An error when a line of an instruction is longer than Docker reads. */
export function checkInstruction(text: string, range: SourceRange, problems: Problems): void {
  let longest = 0;
  for (const line of text.split("\n")) longest = Math.max(longest, Buffer.byteLength(line) + 1);
  if (longest <= maxLineBytes) return;
  const message = `this is a line of ${longest} bytes in a Dockerfile, and Docker reads ${maxLineBytes}`;
  problems.error(range, message, "put it into a file and `copy` that");
}

function checkRun(op: RunOp, how: Circumstances, problems: Problems): void {
  if (op.timeoutMs !== undefined) {
    problems.warning(op.range, "a Dockerfile has no `timeout`; it is left out");
  }
  if (!how.buildkit) {
    if (op.secrets.length === 0) return;
    problems.warning(op.range, "secrets are left out", "`--buildkit` writes them as mounts");
    return;
  }
  const mounts = [...op.caches, ...op.secrets];
  for (const { id, target, buildkitOptions, range } of mounts) {
    checkFlag([id, target, ...buildkitOptions.flat()].join(""), "a mount", range, problems);
  }
  if (mounts.length === 0 || how.isWindows || how.user.kind === "unix") return;
  problems.warning(
    op.range,
    "the mounts belong to root, because BuildKit gives them to no user by name",
    "write `(user (uid N) (gid N))`",
  );
}

function checkCopy(op: CopyOp, { user, isWindows }: Circumstances, problems: Problems): void {
  checkFlag(copyOwner(user, isWindows) ?? "", "the owner of a copy", op.range, problems);
  if (op.exclude.length === 0) return;
  const message = "a Dockerfile has no `exclude`; Docker copies these files too";
  const patterns = op.exclude.map((name) => clippedAtom(`**/${name}`)).join(", ");
  const hint = `put ${patterns} into .dockerignore`;
  problems.warning(op.range, message, op.from.kind === "context" ? hint : undefined);
}

/** Only JSON has an escape for line breaks, and these instructions have no JSON form. */
function checkOneLine(text: string, what: string, range: SourceRange, problems: Problems): boolean {
  if (!text.includes("\n")) return true;
  problems.error(range, `${what} with a line break cannot be written in a Dockerfile`);
  return false;
}

/** Docker reads flags byte by byte, so that each byte of another character becomes one of its own. */
function checkFlag(text: string, what: string, range: SourceRange, problems: Problems): void {
  if (!checkOneLine(text, what, range, problems) || /^\p{ASCII}*$/u.test(text)) return;
  problems.error(range, `${what} in a Dockerfile has only characters of ASCII`);
}
