import { describe, expect, test } from "vitest";
import { parseOperation, unknownOperation } from "./parse-operation.ts";

/** What a flag comes to, or why it does not. */
function parsed(name: string, argument?: string): unknown {
  const result = parseOperation(name, argument);
  return result.ok ? result.value.operation : result.error;
}

describe("what virt-customize's manual page shows", () => {
  test.each<[string, string, object]>([
    ["copy-in", "/a/b:/usr/local/bin", { from: { host: "/a/b" }, dir: "/usr/local/bin" }],
    ["upload", "/etc/hosts:/etc/hosts", { from: { host: "/etc/hosts" }, path: "/etc/hosts" }],
    ["write", "/etc/motd:a:b\nc", { path: "/etc/motd", text: "a:b\nc" }],
    ["append-line", "/etc/hosts:10.0.0.1 foo", { text: "10.0.0.1 foo" }],
    ["edit", "/etc/a.conf:s/^O:=.*/O=1/", { path: "/etc/a.conf", expression: "s/^O:=.*/O=1/" }],
    ["chmod", "0755:/usr/local/bin/autonoe", { mode: "0755", path: "/usr/local/bin/autonoe" }],
    ["chown", "10.20:/a:b", { owner: "10:20", path: "/a:b" }],
    ["chown", "www-data:adm:/a", { owner: "www-data:adm", path: "/a" }],
    ["link", "../a:/b:/c", { kind: "link", target: "../a", links: ["/b", "/c"] }],
    ["symlink", "/a:/b", { kind: "link", target: "/a", links: ["/b"] }],
    ["install", "git, vim", { kind: "install", packages: ["git", "vim"] }],
    [
      "root-password",
      "locked:password:a:b",
      { user: "root", password: { kind: "password", text: "a:b", locked: true } },
    ],
    ["root-password", "locked", { password: { kind: "locked" } }],
    ["root-password", "locked:disabled", { password: { kind: "disabled", locked: true } }],
    ["password", "ada:file:/run/p", { user: "ada", password: { kind: "file", host: "/run/p" } }],
    ["password", "ada:random", { password: { kind: "random", locked: false } }],
    ["ssh-inject", "ada", { user: "ada", key: { kind: "default" } }],
    ["ssh-inject", "ada:string:ssh-rsa A", { key: { kind: "text", text: "ssh-rsa A" } }],
    ["run-command", "a && b", { kind: "run-command", command: "a && b" }],
  ])("--%s %s", (name, argument, operation) => {
    expect(parsed(name, argument)).toMatchObject(operation);
  });

  test("--update and --selinux-relabel, without an argument", () => {
    expect(parsed("update")).toEqual({ kind: "update" });
    expect(parsed("selinux-relabel")).toEqual({ kind: "selinux-relabel" });
  });
});

test.each<[string, string, string]>([
  ["copy-in", "/a", "two parts with a colon between them are needed"],
  ["copy-in", "/a:b", "paths in the image are absolute, and b is not"],
  ["write", "a:b", "paths in the image are absolute, and a is not"],
  ["mkdir", "", "paths in the image are absolute"],
  ["chmod", "u+x:/a", "octal digits"],
  ["chmod", "0755", "PERMISSIONS:FILE"],
  ["chown", "1:/a", "UID.GID:PATH"],
  ["link", "/a", "TARGET:LINK"],
  ["link", "/a:b", "paths in the image are absolute, and b is not"],
  ["hostname", "a b", "a host's name"],
  ["timezone", "../etc/passwd", "a time zone"],
  ["root-password", "secret", "a password is file:FILE"],
  ["root-password", "locked:locked", "a password is file:FILE"],
  ["password", "ada", "USER:SELECTOR"],
  ["password", "a b:random", "names no user"],
  ["ssh-inject", "ada:key", "file:KEYFILE or string:KEY"],
  ["install", "git,,vim", "names no package"],
  ["install", "-o", "names no package"],
  ["run-command", " ", "it is empty"],
  ["nothing", "", "there is no operation nothing"],
])("--%s %j is refused", (name, argument, message) => {
  expect(parsed(name, argument)).toContain(message);
});

test("a label tells the operation, and no password", () => {
  const label = (name: string, argument?: string) => {
    const result = parseOperation(name, argument);
    return result.ok ? result.value.label : "";
  };
  expect(label("chmod", "0755:/a")).toBe("--chmod 0755:/a");
  expect(label("update")).toBe("--update");
  expect(label("root-password", "locked:password:secret")).toBe(
    "--root-password locked:password:***",
  );
  expect(label("password", "ada:file:/run/p")).toBe("--password ada:file:/run/p");
});

test("what virt-customize has and this has not is told with the way out", () => {
  expect(unknownOperation("scrub")).toContain("--delete");
  expect(unknownOperation("comands-from-file")).toContain("commands-from-file");
});
