import { quoteWord } from "../machine/posix-quote.ts";
import { commonFunctions, firstBootFunctions, programFunctions } from "./functions.ts";
import { runsPrograms, type SettledOperation } from "./operation.ts";

/** Where on the data disk something of the host's lies. */
export interface Placed {
  /** In MiB from the disk's start. */
  readonly offset: number;
  readonly bytes: number;
  /** Of a file: permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** An operation, and where what it brings from the host lies; absent when it brings nothing. */
export interface PlacedOperation extends SettledOperation {
  readonly placed?: Placed;
}

/**
 * The script that does the operations, in their order, run by busybox' sh in the image's system. It ends with the first
 * that fails, and its errors then end with that one's label.
 */
export function customizeScript(
  operations: readonly PlacedOperation[],
  { network }: { readonly network: boolean },
): string {
  const all = operations.map(({ operation }) => operation);
  const steps = operations.map((operation) =>
    [
      `op=${quoteWord(operation.label.replaceAll("\t", " "))}`,
      "(",
      "set -e",
      ...command(operation),
      ")",
      '[ $? = 0 ] || { echo "in $op" >&2; printf "impossible\\0"; exit 1; }',
    ].join("\n"),
  );
  const firstBoot = all.some(({ kind }) => kind.startsWith("firstboot"));
  return [
    commonFunctions,
    ...(all.some(runsPrograms) ? [programFunctions] : []),
    ...(firstBoot ? [firstBootFunctions] : []),
    ...(network ? [": >/dev/network"] : []),
    ...steps,
    "",
  ].join("\n");
}

function command({ operation, placed }: PlacedOperation): readonly string[] {
  switch (operation.kind) {
    case "copy-in":
      return [call("copy_in", String(needed(placed).offset), operation.dir)];
    case "upload": {
      const { mode, uid, gid } = needed(placed);
      const owner = `${uid}:${gid}`;
      return [call("upload", ...where(placed), operation.path, mode.toString(8), owner)];
    }
    case "copy":
      return [call("cp", "-a", "--", operation.from, operation.path)];
    case "move":
      return [call("mv", "--", operation.from, operation.path)];
    case "mkdir":
      return [call("mkdir", "-p", "--", operation.path)];
    case "touch":
      return [call("parent", operation.path), call("touch", "--", operation.path)];
    case "delete":
      return [`remove ${quotedGlob(operation.path)}`];
    case "truncate":
      return [call("file", operation.path), `: >${quoteWord(operation.path)}`];
    case "truncate-recursive":
      return [
        `[ -d ${quoteWord(operation.path)} ] || fail ${quoteWord(`there is no directory ${operation.path}`)}`,
        `find ${quoteWord(operation.path)} -xdev -type f -exec truncate -s 0 {} +`,
      ];
    case "write":
      return [
        call("parent", operation.path),
        `printf %s ${quoteWord(operation.text)} >${quoteWord(operation.path)}`,
      ];
    case "append-line":
      return [call("append_line", operation.path, operation.text)];
    case "edit":
      return [call("edit", operation.path, operation.expression)];
    case "chmod":
      return [call("chmod", operation.mode, operation.path)];
    case "chown":
      return [call("chown", "-h", operation.owner, operation.path)];
    case "link":
      return operation.links.map((link) => call("make_link", operation.target, link));
    case "hostname":
      return [call("set_hostname", operation.name)];
    case "timezone":
      return [call("set_timezone", operation.name)];
    case "password":
      return [passwordCommand(operation)];
    case "ssh-inject":
      return [call("inject_key", operation.user, operation.key)];
    case "run-command":
      return [call("inside", "/bin/sh", "-c", operation.command)];
    case "run":
      return [call("run_program", ...where(placed))];
    case "firstboot":
      return [call("first_boot_data", ...where(placed))];
    case "firstboot-command":
      return [call("first_boot_command", operation.command)];
    case "install":
    case "uninstall":
      return [call("packages", operation.kind, ...operation.packages)];
    case "update":
      return [call("packages", "update")];
    case "selinux-relabel":
      return [
        "if [ -f /etc/selinux/config ]; then : >/.autorelabel",
        "else note 'the image has no SELinux, so nothing is labelled anew'; fi",
      ];
  }
}

function passwordCommand({
  user,
  password,
}: Extract<SettledOperation["operation"], { readonly kind: "password" }>): string {
  if (password.kind === "locked") return call("set_password", user, "lock", "");
  const hash = password.kind === "disabled" ? "*" : password.hash;
  return call("set_password", user, "set", password.locked ? `!${hash}` : hash);
}

function call(...words: readonly string[]): string {
  return words.map(quoteWord).join(" ");
}

function where(placed: Placed | undefined): readonly [string, string] {
  const { offset, bytes } = needed(placed);
  return [String(offset), String(bytes)];
}

function needed(placed: Placed | undefined): Placed {
  if (placed === undefined) throw new Error("Internal error: an operation without its data");
  return placed;
}

/** A path in which `*`, `?`, `[` and `]` are the shell's, and nothing else is. */
function quotedGlob(path: string): string {
  return path
    .split(/([*?[\]])/)
    .map((part, index) => (index % 2 === 1 || part === "" ? part : quoteWord(part)))
    .join("");
}
