import { formatDurationMs } from "./duration.ts";
import { quoteAtom } from "./quote-atom.ts";
import type { CacheMount, CopyOp, Op, RunOp, SecretMount, UserOp } from "./spec.ts";

/**
 * One directive on one line as a spec spells it, safe to show on a terminal and readable again.
 *
 * Fields come in the order of OBuilder's printer (`sexp_of_op` in `lib_spec/spec.ml`), which leaves out
 * empty lists and `(from context)`; `timeout` stands before `shell`.
 */
export function printOp(op: Op): string {
  switch (op.op) {
    case "comment":
      return list(["comment", op.text]);
    case "workdir":
      return list(["workdir", op.path]);
    case "shell":
      return list(["shell", ...op.argv]);
    case "env":
      return list(["env", op.name, op.value]);
    case "user":
      return printUser(op);
    case "run":
      return printRun(op);
    case "copy":
      return printCopy(op);
    case "reboot":
      return list(["reboot"]);
    default:
      return op satisfies never;
  }
}

function printUser({ user }: UserOp): string {
  if (user.kind === "name") return group("user", [list(["name", user.name])]);
  return group("user", [list(["uid", String(user.uid)]), list(["gid", String(user.gid)])]);
}

function printRun(op: RunOp): string {
  const fields: string[] = [];
  if (op.caches.length > 0) fields.push(group("cache", op.caches.map(printMount)));
  if (op.network.length > 0) fields.push(list(["network", ...op.network]));
  if (op.secrets.length > 0) fields.push(group("secrets", op.secrets.map(printMount)));
  if (op.timeoutMs !== undefined) fields.push(list(["timeout", formatDurationMs(op.timeoutMs)]));
  fields.push(list(["shell", op.command]));
  return group("run", fields);
}

function printMount(mount: CacheMount | SecretMount): string {
  const fields = [list(["target", mount.target])];
  if (mount.buildkitOptions.length > 0) {
    const pairs = mount.buildkitOptions.map(list);
    fields.push(group("buildkit_options", [`(${pairs.join(" ")})`]));
  }
  return group(quoteAtom(mount.id), fields);
}

function printCopy(op: CopyOp): string {
  const fields: string[] = [];
  if (op.from.kind === "build") fields.push(group("from", [list(["build", op.from.name])]));
  fields.push(list(["src", ...op.src.map(({ path }) => path)]), list(["dst", op.dst]));
  if (op.exclude.length > 0) fields.push(list(["exclude", ...op.exclude]));
  return group("copy", fields);
}

function list(atoms: readonly string[]): string {
  return `(${atoms.map(quoteAtom).join(" ")})`;
}

function group(head: string, printed: readonly string[]): string {
  return `(${[head, ...printed].join(" ")})`;
}
