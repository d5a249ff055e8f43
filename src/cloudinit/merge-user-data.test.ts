import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { cloudConfigOf, type MachineWishes } from "./cloud-config.ts";
import { mergeUserData } from "./merge-user-data.ts";
import { parseYaml } from "../yaml/yaml-source.ts";

const key = "ssh-ed25519 AAAA me";
const everything: MachineWishes = {
  user: "me",
  sshKeys: [key],
  passwordHash: "$6$salt$hash",
  hostname: "web.example.org",
  packages: ["git", "curl"],
  run: ["echo one", "echo two"],
};

function merged(userData: string | undefined, wishes: MachineWishes): string {
  const config = cloudConfigOf(wishes);
  if (config === undefined) throw new Error("no wishes");
  const result = mergeUserData(userData === undefined ? undefined : Buffer.from(userData), config);
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return Buffer.from(result.value).toString();
}

const valueOf = (text: string): unknown => parseYaml(text).toJS();

test("no wishes are no cloud-config", () => {
  expect(cloudConfigOf({})).toBeUndefined();
  expect(cloudConfigOf({ sshKeys: [], packages: [], run: [], files: [] })).toBeUndefined();
});

test("all wishes alone", () => {
  const text = merged(undefined, everything);
  expect(text).toMatch(/^#cloud-config\n/);
  expect(valueOf(text)).toEqual({
    hostname: "web",
    fqdn: "web.example.org",
    users: [
      "default",
      {
        name: "me",
        shell: "/bin/bash",
        sudo: "ALL=(ALL) NOPASSWD:ALL",
        ssh_authorized_keys: [key],
        hashed_passwd: "$6$salt$hash",
        lock_passwd: false,
      },
    ],
    packages: ["git", "curl"],
    runcmd: ["echo one", "echo two"],
  });
});

test("without a user it is the image's own account that is meant", () => {
  const text = merged(undefined, { sshKeys: [key], passwordHash: "$6$salt$hash" });
  expect(valueOf(text)).toEqual({
    ssh_authorized_keys: [key],
    password: "$6$salt$hash",
    chpasswd: { expire: false },
  });
});

test.each(["", "\n", "#cloud-config", "#cloud-config\n", "#cloud-config\n# nothing\n"])(
  "an empty user-data %j is as none",
  (userData) => {
    const text = merged(userData, { hostname: "a" });
    expect(text).toMatch(/^#cloud-config\n/);
    expect(valueOf(text)).toEqual({ hostname: "a" });
  },
);

describe("with a cloud-config", () => {
  const userData = `#cloud-config
# kept
hostname: old # said
users:
  - default
  - name: me
    groups: [adm]
    ssh_authorized_keys:
      - ssh-rsa BBBB other
  - name: you
packages: [git, [vim, "9"]]
write_files:
  - {path: /x, permissions: 0644, content: "yes"}
runcmd:
  - echo one
ssh_pwauth: no
`;

  test("lists are longer, users are merged by name, and what is new wins", () => {
    const text = merged(userData, everything);
    expect(text).toMatch(/^#cloud-config\n# kept\n/);
    // A mode is what was written, not what it means.
    expect(text).toContain("permissions: 0644");
    expect(text).toContain('content: "yes"');
    expect(valueOf(text)).toEqual({
      hostname: "web",
      fqdn: "web.example.org",
      users: [
        "default",
        {
          name: "me",
          groups: ["adm"],
          ssh_authorized_keys: ["ssh-rsa BBBB other", key],
          shell: "/bin/bash",
          sudo: "ALL=(ALL) NOPASSWD:ALL",
          hashed_passwd: "$6$salt$hash",
          lock_passwd: false,
        },
        { name: "you" },
      ],
      packages: ["git", ["vim", "9"], "curl"],
      write_files: [{ path: "/x", permissions: 0o644, content: "yes" }],
      // A command that is asked for twice is run twice.
      runcmd: ["echo one", "echo one", "echo two"],
      ssh_pwauth: false,
    });
  });

  test("a user is added to those there are", () => {
    const text = merged("#cloud-config\nusers: [{name: you}]\n", { user: "me" });
    expect(valueOf(text)).toMatchObject({ users: [{ name: "you" }, { name: "me" }] });
  });

  test.each([
    ["#cloud-config\nusers: a\n", "users", "a list"],
    ["#cloud-config\nruncmd: {a: b}\n", "runcmd", "a list"],
    ["#cloud-config\nchpasswd: []\n", "chpasswd", "a map"],
    ["#cloud-config\n- a\n", "it", "a map"],
    ["#cloud-config\na: [\n", "it", "YAML"],
  ])("%j cannot be added to", (text, name, expected) => {
    const wishes = name === "chpasswd" ? { passwordHash: "$6$x$y" } : everything;
    const config = cloudConfigOf(wishes) ?? {};
    expect(mergeUserData(Buffer.from(text), config)).toEqual({
      ok: false,
      error: { key: name, expected },
    });
  });

  test("an empty key is as none", () => {
    const text = merged("#cloud-config\npackages:\nruncmd: ~\n", everything);
    expect(valueOf(text)).toMatchObject({
      packages: ["git", "curl"],
      runcmd: ["echo one", "echo two"],
    });
  });
});

test.each([
  ["a script", Buffer.from("#!/bin/sh\necho\n")],
  ["a template", Buffer.from("## template: jinja\n#cloud-config\nhostname: {{ v }}\n")],
  ["compressed", gzipSync("#cloud-config\n")],
])("%s becomes a part beside what is wished", (_, userData) => {
  const result = mergeUserData(userData, { hostname: "a" });
  if (!result.ok) throw new Error("not merged");
  const parts = Buffer.from(result.value)
    .toString()
    .split(/^--vmbuild-.*$/m);
  expect(parts).toHaveLength(4);
  const [first = "", second = ""] = parts
    .slice(1, 3)
    .map((part) => part.split("\n\n").slice(1).join("\n\n"));
  expect(Buffer.from(first, "base64")).toEqual(userData);
  expect(Buffer.from(second, "base64").toString()).toBe("#cloud-config\nhostname: a\n");
  if (userData[0] === 0x1f) expect(gunzipSync(Buffer.from(first, "base64")).length).toBe(14);
});
