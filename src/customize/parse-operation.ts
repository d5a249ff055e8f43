/**
 * Operations out of a command line's flags and arguments, which are virt-customize's. Pure; what is named of the host is
 * only looked at later.
 */
import { suggest } from "../spec/did-you-mean.ts";
import { failed, ok, type Result } from "../result.ts";
import type { AskedOperation, KeySelector, Operation, PasswordSelector } from "./operation.ts";

/** A flag that stands for an operation. */
export interface OperationFlag {
  /** Without the dashes. */
  readonly name: string;
  /** What its argument is called; absent when it takes none. */
  readonly argument?: string;
  readonly description: string;
  readonly parse: (argument: string) => Result<Operation, string>;
}

/** All of them, in the order of help texts. */
export const operationFlags: readonly OperationFlag[] = [
  {
    name: "copy-in",
    argument: "local:remotedir",
    description: "copy a local file or directory, with all below it, into a directory of the image",
    parse: pair((host, dir) => ({ kind: "copy-in", from: { host }, dir }), "last"),
  },
  {
    name: "upload",
    argument: "file:dest",
    description: "copy a local file to this path, with its mode and owner",
    parse: pair((host, path) => ({ kind: "upload", from: { host }, path }), "last"),
  },
  {
    name: "copy",
    argument: "source:dest",
    description: "copy a file or directory within the image",
    parse: pair((from, path) => ({ kind: "copy", from, path }), "both"),
  },
  {
    name: "move",
    argument: "source:dest",
    description: "move a file or directory within the image",
    parse: pair((from, path) => ({ kind: "move", from, path }), "both"),
  },
  {
    name: "mkdir",
    argument: "dir",
    description: "make a directory, and those it is in",
    parse: path((dir) => ({ kind: "mkdir", path: dir })),
  },
  {
    name: "touch",
    argument: "file",
    description: "make an empty file, or renew the time of one that is there",
    parse: path((file) => ({ kind: "touch", path: file })),
  },
  {
    name: "write",
    argument: "file:content",
    description: "write a file, in the place of one that is there",
    parse: pair((file, text) => ({ kind: "write", path: file, text }), "first"),
  },
  {
    name: "append-line",
    argument: "file:line",
    description: "add a line to a file's end",
    parse: pair((file, text) => ({ kind: "append-line", path: file, text }), "first"),
  },
  {
    name: "edit",
    argument: "file:expr",
    description: "change a file's lines by a Perl expression, with the image's own perl",
    parse: pair((file, expression) => ({ kind: "edit", path: file, expression }), "first"),
  },
  {
    name: "delete",
    argument: "path",
    description: "remove a file or directory; * ? [] stand for several",
    parse: path((file) => ({ kind: "delete", path: file })),
  },
  {
    name: "truncate",
    argument: "file",
    description: "make a file empty",
    parse: path((file) => ({ kind: "truncate", path: file })),
  },
  {
    name: "truncate-recursive",
    argument: "path",
    description: "make all files below a directory empty",
    parse: path((file) => ({ kind: "truncate-recursive", path: file })),
  },
  {
    name: "chmod",
    argument: "permissions:file",
    description: "change a file's mode, in octal: 0755:/usr/local/bin/tool",
    parse: (text) => {
      const [mode, file] = atColon(text);
      if (mode === undefined || !/^[0-7]{1,5}$/.test(mode)) {
        return failed("it is not PERMISSIONS:FILE with octal digits, as 0755:/path");
      }
      return inImage(file, (it) => ({ kind: "chmod", mode, path: it }));
    },
  },
  {
    name: "chown",
    argument: "uid.gid:path",
    description:
      "change a file's owner and group, by their ids or names: 0.0:/path, www-data:www-data:/path",
    parse: (text) => {
      const [, owner, group, file] = /^([^.:]+)[.:]([^:]+):(.*)$/s.exec(text) ?? [];
      if (owner === undefined || group === undefined) return failed("it is not UID.GID:PATH");
      return inImage(file, (it) => ({ kind: "chown", owner: `${owner}:${group}`, path: it }));
    },
  },
  {
    name: "link",
    argument: "target:link[:link...]",
    description: "make symbolic links that lead to a target",
    parse: links,
  },
  {
    name: "symlink",
    argument: "target:link[:link...]",
    description: "the same as --link",
    parse: links,
  },
  {
    name: "hostname",
    argument: "name",
    description: "set the host's name",
    parse: (name) =>
      /^[A-Za-z0-9]([-A-Za-z0-9.]{0,251}[A-Za-z0-9])?$/.test(name)
        ? ok({ kind: "hostname", name })
        : failed("a host's name is letters, digits, - and ."),
  },
  {
    name: "timezone",
    argument: "zone",
    description: "set the time zone, as Europe/Copenhagen",
    parse: (name) =>
      /^[A-Za-z0-9_+-]+(\/[A-Za-z0-9_+-]+)*$/.test(name)
        ? ok({ kind: "timezone", name })
        : failed("a time zone is spelled as Europe/Copenhagen"),
  },
  {
    name: "root-password",
    argument: "selector",
    description:
      "set root's password: file:FILE, password:PASSWORD, random, disabled, locked[:...]",
    parse: (text) => passwordOf("root", text),
  },
  {
    name: "password",
    argument: "user:selector",
    description: "set a user's password, by a selector as of --root-password",
    parse: (text) => {
      const [user, selector] = atColon(text);
      return user === undefined || selector === undefined
        ? failed("it is not USER:SELECTOR")
        : userNamed(user, (name) => passwordOf(name, selector));
    },
  },
  {
    name: "ssh-inject",
    argument: "user[:selector]",
    description:
      "let a user in by SSH with file:KEYFILE, string:KEY, or by default your own public key",
    parse: (text) => {
      const [user, selector] = atColon(text);
      return userNamed(user ?? text, (name) => {
        const key = keyOf(selector);
        return key.ok ? ok({ kind: "ssh-inject", user: name, key: key.value }) : key;
      });
    },
  },
  {
    name: "run-command",
    argument: "command",
    description: "run a command of the image's in it, by its /bin/sh",
    parse: filled((command) => ({ kind: "run-command", command })),
  },
  {
    name: "run",
    argument: "script",
    description: "run a local script or program in the image",
    parse: filled((host) => ({ kind: "run", from: { host } })),
  },
  {
    name: "firstboot",
    argument: "script",
    description: "have a local script run at the image's next boot, once",
    parse: filled((host) => ({ kind: "firstboot", from: { host } })),
  },
  {
    name: "firstboot-command",
    argument: "command",
    description: "have a command run at the image's next boot, once",
    parse: filled((command) => ({ kind: "firstboot-command", command })),
  },
  {
    name: "install",
    argument: "pkg,pkg...",
    description: "install packages with the image's own package manager; needs --network",
    parse: packages("install"),
  },
  {
    name: "uninstall",
    argument: "pkg,pkg...",
    description: "remove packages",
    parse: packages("uninstall"),
  },
  {
    name: "update",
    description: "bring all packages up to date; needs --network",
    parse: () => ok({ kind: "update" }),
  },
  {
    name: "selinux-relabel",
    description: "have all SELinux labels set anew at the image's next boot",
    parse: () => ok({ kind: "selinux-relabel" }),
  },
];

/** One flag with its argument; a failure is a clause in words. `name` is one of {@link operationFlags}. */
export function parseOperation(name: string, argument = ""): Result<AskedOperation, string> {
  const flag = operationFlags.find((known) => known.name === name);
  if (flag === undefined) return failed(`there is no operation ${name}`);
  const operation = flag.parse(argument);
  if (!operation.ok) return operation;
  return ok({ label: labelOf(flag, argument, operation.value), operation: operation.value });
}

/** Why virt-customize's flag is not taken, or what it may have meant. */
export function unknownOperation(name: string): string {
  return (
    notTakenFlags[name] ??
    suggest(name, [...operationFlags.map((flag) => flag.name), "commands-from-file"])
  );
}

/** What virt-customize has and this has not, with the way out. */
export const notTakenFlags: Readonly<Record<string, string>> = {
  "append-file": "use --append-line",
  "chown-recursive": "use --run-command 'chown -R ...'",
  connect: "libvirt is not asked; name the image with --add",
  domain: "libvirt is not asked; name the image with --add",
  "firstboot-install": "use --firstboot-command with the image's package manager",
  "inject-qemu-ga": "it is for Windows",
  "inject-virtio-win": "it is for Windows",
  scrub: "on a copy-on-write image it would overwrite nothing; use --delete, and export the image",
  "sm-register": "use --run-command 'subscription-manager register ...'",
  "ssh-connect": "use --run-command",
  "tar-in": "unpack it, and use --copy-in",
};

function labelOf({ name }: OperationFlag, argument: string, operation: Operation): string {
  const secret =
    operation.kind === "password" && operation.password.kind === "password"
      ? operation.password.text
      : undefined;
  const shown =
    secret === undefined ? argument : argument.slice(0, argument.length - secret.length);
  const text = secret === undefined ? shown : `${shown}***`;
  return `--${name}${text === "" ? "" : ` ${text}`}`;
}

/** A text at its first colon; the second part is absent without one. */
function atColon(text: string): readonly [string?, string?] {
  const at = text.indexOf(":");
  return at < 0 ? [] : [text.slice(0, at), text.slice(at + 1)];
}

const noPath = "paths in the image are absolute";

/** Two parts; `absolute` says which of them are paths in the image. */
function pair(
  make: (first: string, second: string) => Operation,
  absolute: "first" | "last" | "both",
): OperationFlag["parse"] {
  return (text) => {
    const [first, second] = atColon(text);
    if (first === undefined || second === undefined || first === "") {
      return failed("two parts with a colon between them are needed");
    }
    if (absolute !== "last" && !first.startsWith("/"))
      return failed(`${noPath}, and ${first} is not`);
    if (absolute !== "first" && !second.startsWith("/")) {
      return failed(`${noPath}, and ${second === "" ? "an empty one" : second} is not`);
    }
    return ok(make(first, second));
  };
}

function path(make: (path: string) => Operation): OperationFlag["parse"] {
  return (text) => inImage(text, make);
}

function inImage(
  text: string | undefined,
  make: (path: string) => Operation,
): Result<Operation, string> {
  return text?.startsWith("/") === true
    ? ok(make(text))
    : failed(`${noPath}, and ${text ?? ""} is not`);
}

function filled(make: (text: string) => Operation): OperationFlag["parse"] {
  return (text) => (text.trim() === "" ? failed("it is empty") : ok(make(text)));
}

function packages(kind: "install" | "uninstall"): OperationFlag["parse"] {
  return (text) => {
    const names = text.split(",").map((name) => name.trim());
    const bad = names.find((name) => !/^[A-Za-z0-9@][-A-Za-z0-9.+_:=~^*/@]*$/.test(name));
    return bad === undefined
      ? ok({ kind, packages: names })
      : failed(`${JSON.stringify(bad)} names no package; they are separated by commas`);
  };
}

function links(text: string): Result<Operation, string> {
  const [target, ...names] = text.split(":");
  if (target === undefined || target === "" || names.length === 0) {
    return failed("it is not TARGET:LINK");
  }
  const bad = names.find((name) => !name.startsWith("/"));
  return bad === undefined
    ? ok({ kind: "link", target, links: names })
    : failed(`${noPath}, and ${bad === "" ? "an empty one" : bad} is not`);
}

function userNamed(
  name: string,
  make: (name: string) => Result<Operation, string>,
): Result<Operation, string> {
  return /^[A-Za-z0-9_][-A-Za-z0-9_.]*\$?$/.test(name)
    ? make(name)
    : failed(`${JSON.stringify(name)} names no user`);
}

function passwordOf(user: string, text: string): Result<Operation, string> {
  const password = selectorOf(text, false);
  return password === undefined
    ? failed("a password is file:FILE, password:PASSWORD, random, disabled, or locked[:...]")
    : ok({ kind: "password", user, password });
}

function selectorOf(text: string, locked: boolean): PasswordSelector | undefined {
  if (!locked && text === "locked") return { kind: "locked" };
  if (!locked && text.startsWith("locked:")) return selectorOf(text.slice("locked:".length), true);
  if (text === "random" || text === "disabled") return { kind: text, locked };
  const [kind, value] = atColon(text);
  if (value === undefined || value === "") return undefined;
  if (kind === "file") return { kind, host: value, locked };
  return kind === "password" ? { kind, text: value, locked } : undefined;
}

function keyOf(selector: string | undefined): Result<KeySelector, string> {
  if (selector === undefined) return ok({ kind: "default" });
  const [kind, value] = atColon(selector);
  if (value !== undefined && value !== "") {
    if (kind === "file") return ok({ kind, host: value });
    if (kind === "string") return ok({ kind: "text", text: value });
  }
  return failed("a key is file:KEYFILE or string:KEY");
}
