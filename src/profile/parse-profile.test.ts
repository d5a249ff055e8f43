import { describe, expect, test } from "vitest";
import { defaultProfile, obuilderDefaults } from "./default-profile.ts";
import { describeProfileFailure } from "./failure.ts";
import { type ParsedProfile, parseProfile } from "./parse-profile.ts";

const file = "/images/debian.toml";

function parsed(text: string): ParsedProfile {
  const result = parseProfile({ text, file });
  if (!result.ok) throw new Error(describeProfileFailure(result.error));
  return result.value;
}

function problems(text: string): string {
  const result = parseProfile({ text, file });
  return result.ok ? "no problem" : describeProfileFailure(result.error);
}

describe("parseProfile", () => {
  test("an empty profile is the defaults", () => {
    expect(parsed("")).toEqual(defaultProfile("linux", "x86_64"));
  });

  test("reads every key", () => {
    const text = `
os = "freebsd"
arch = "aarch64"
machine = "virt-9.2"
firmware = "uefi/code.fd"
disk-bus = "scsi"
disk = "disks/root.raw"
disk-size = "8G"
user = { name = "builder" }
shell = ["/usr/local/bin/bash", "-eu", "-c"]
memory = "1.5G"
cpus = 4
boot-timeout = "3m"
power-off-timeout = "45s"
bulk-transport = "stream"
boot = "cold"
[login]
user = "freebsd"
port = 2222
identity = "/keys/id_ed25519"
host-key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBuilder root@freebsd"
become = "doas"
[env]
LANG = "C.UTF-8"
EMPTY = ""
"ODD NAME" = "x"
`;
    expect(parsed(text)).toEqual({
      os: "freebsd",
      arch: "aarch64",
      machine: "virt-9.2",
      boot: {
        kind: "firmware",
        firmware: { kind: "uefi", codePath: "/images/uefi/code.fd" },
      },
      diskBus: "scsi",
      disk: "/images/disks/root.raw",
      diskSizeBytes: 8 * 1024 ** 3,
      user: { kind: "name", name: "builder" },
      shell: ["/usr/local/bin/bash", "-eu", "-c"],
      memoryBytes: 1.5 * 1024 ** 3,
      cpus: 4,
      bootTimeoutMs: 180_000,
      powerOffTimeoutMs: 45_000,
      bulkTransport: "stream",
      bootMode: "cold",
      login: {
        user: "freebsd",
        port: 2222,
        identity: { kind: "file", path: "/keys/id_ed25519" },
        hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBuilder",
        become: "doas",
      },
      env: { LANG: "C.UTF-8", EMPTY: "", "ODD NAME": "x" },
    } satisfies ParsedProfile);
  });

  test.each<[string, Partial<ParsedProfile>]>([
    ['firmware = "bios"', { boot: { kind: "firmware", firmware: { kind: "bios" } } }],
    [
      'firmware = "uefi"',
      {
        boot: {
          kind: "firmware",
          firmware: { kind: "uefi", codePath: "/usr/share/OVMF/OVMF_CODE_4M.fd" },
        },
      },
    ],
    [
      'firmware = "/usr/share/qemu/OVMF.fd"',
      {
        boot: {
          kind: "firmware",
          firmware: { kind: "uefi", codePath: "/usr/share/qemu/OVMF.fd" },
        },
      },
    ],
    ['kernel = "vmlinuz"', { boot: { kind: "kernel", kernel: "/images/vmlinuz", append: "" } }],
    [
      'kernel = "../boot/vmlinuz"\ninitrd = "initrd"\nappend = "root=/dev/vda console=ttyS0"',
      {
        boot: {
          kind: "kernel",
          kernel: "/boot/vmlinuz",
          initrd: "/images/initrd",
          append: "root=/dev/vda console=ttyS0",
        },
      },
    ],
    ["user = { uid = 1000, gid = 100 }", { user: { kind: "unix", uid: 1000, gid: 100 } }],
    ['user = "login"', { user: { kind: "login" } }],
    ["memory = 268435456", { memoryBytes: 256 * 1024 ** 2 }],
    ['boot-timeout = "90"', { bootTimeoutMs: 90_000 }],
    [
      '[login]\nidentity = "user"',
      { login: { user: "root", port: 22, identity: { kind: "user" }, become: "none" } },
    ],
    [
      '[login]\nidentity = "./store"',
      {
        login: {
          user: "root",
          port: 22,
          identity: { kind: "file", path: "/images/store" },
          become: "none",
        },
      },
    ],
  ])("%s", (text, expected) => {
    expect(parsed(text)).toMatchObject(expected);
  });

  test.each([
    ["linux", "opam", "sudo"],
    ["linux", "root", "none"],
    ["freebsd", "me", "sudo"],
    ["openbsd", "me", "doas"],
    ["windows", "me", "none"],
  ])("on %s, %s becomes root by %s", (os, user, become) => {
    expect(parsed(`os = "${os}"\n[login]\nuser = "${user}"`).login.become).toBe(become);
  });

  test("steps run as the login user where that cannot become root", () => {
    expect(parsed('[login]\nuser = "opam"\nbecome = "none"').user).toEqual({ kind: "login" });
    expect(parsed('[login]\nuser = "opam"').user).toEqual({ kind: "unix", uid: 0, gid: 0 });
    expect(parsed('os = "windows"').user).toEqual({ kind: "login" });
    const same = 'user = { name = "opam" }\n[login]\nuser = "opam"\nbecome = "none"';
    expect(parsed(same).user).toEqual({ kind: "name", name: "opam" });
  });
});

describe("what is wrong with a profile", () => {
  test.each([
    [
      "user = { uid = 0, gid = 0 }",
      `${file}: user: steps in a Windows guest run as Administrator, who logs in; leave it out, or set login.user to who is to run them`,
    ],
    ['user = { name = "administrator" }', "no problem"],
    [
      '[login]\nbecome = "sudo"',
      `${file}: login.become: a Windows guest has no root to become; leave it out`,
    ],
    ['[login]\nbecome = "none"', "no problem"],
  ])("of a Windows guest: %j", (text, expected) => {
    expect(problems(`os = "windows"\n${text}`)).toBe(expected);
  });

  test.each([
    ["os = ", `${file}:1:6: key without value`],
    ["cpus = 1\ncpus = 2", `${file}:2:8: can't redefine existing key`],
    ["[login\n", `${file}:1:7: unexpected character, expected whitespace, . or ]`],
  ])("no TOML: %j", (text, expected) => {
    expect(problems(text)).toBe(expected);
  });

  test.each([
    [
      'os = "linx"',
      'os: expected one of "linux", "freebsd", "openbsd", "windows", found "linx"; did you mean "linux"?',
    ],
    ['arch = "riscv64"', 'arch: expected one of "x86_64", "aarch64", found "riscv64"'],
    ["arch = 64", 'arch: expected one of "x86_64", "aarch64", found 64'],
    ['memroy = "1G"', "memroy: unknown key; did you mean `memory`?"],
    ["boot_timeout = 5", "boot_timeout: unknown key; did you mean `boot-timeout`?"],
    [
      '[login]\npasword = "x"',
      "login.pasword: unknown key; expected one of `user`, `port`, `identity`, `host-key`, `become`",
    ],
    ['memory = "lots"', 'memory: expected a size such as "512M" or "1.5G", found "lots"'],
    ['memory = "16GB"', 'memory: expected a size such as "512M" or "1.5G", found "16GB"'],
    ['memory = "512"', 'memory: "512" is too small; did you mean "512M"?'],
    ["disk-size = 20", 'disk-size: 20 is too small; did you mean "20M"?'],
    ["cpus = 0", "cpus: expected a whole number from 1 to 255, found 0"],
    ["cpus = 1.5", "cpus: expected a whole number from 1 to 255, found 1.5"],
    [
      "cpus = 9007199254740993",
      "cpus: expected a whole number from 1 to 255, found 9007199254740993",
    ],
    ['boot-timeout = "soon"', 'boot-timeout: expected a time such as "90s" or "5m", found "soon"'],
    [
      "boot-timeout = 1979-05-27",
      'boot-timeout: expected a time such as "90s" or "5m", found a date',
    ],
    [
      'power-off-timeout = "0s"',
      'power-off-timeout: expected a time such as "90s" or "5m", found "0s"',
    ],
    [
      'shell = "bash -c"',
      'shell: expected an array of strings such as ["/bin/sh", "-c"], found "bash -c"',
    ],
    ["shell = []", 'shell: expected an array of strings such as ["/bin/sh", "-c"], found an array'],
    ["login = true", "login: expected a table, found true"],
    ["env = []", "env: expected a table, found an array"],
    ["[env]\nJOBS = 4", "env.JOBS: expected a string, found 4"],
    ['[env]\n"A=B" = "c"', "env.A=B: is no name of a variable"],
    [
      'firmware = "bois"',
      'firmware: found "bois"; did you mean "bios"? A file of that name is "./bois"',
    ],
    ['machine = ""', 'machine: expected a string that is not empty, found ""'],
    [
      'machine = "nosuch,accel=tcg"',
      'machine: expected the name of a QEMU machine type without options, found "nosuch,accel=tcg"',
    ],
    [
      'machine = "-pc"',
      'machine: expected the name of a QEMU machine type without options, found "-pc"',
    ],
    ['disk = "~/x.qcow2"', "disk: `~` is not expanded; write the path from the root"],
    ['initrd = "x"', "initrd: is for a `kernel`, and there is none"],
    [
      'kernel = "x"\nfirmware = "bios"',
      "firmware: does not go with `kernel`; remove one of the two",
    ],
    ['[login]\nport = "ssh"', 'login.port: expected a whole number from 1 to 65535, found "ssh"'],
    ['[login]\nbecome = "su"', 'login.become: expected one of "none", "sudo", "doas", found "su"'],
    [
      '[login]\nhost-key = "AAAA"',
      "login.host-key: is no OpenSSH public key; expected the text of a .pub file such as `ssh-ed25519 AAAA…`",
    ],
    [
      'os = "freebsd"\nbulk-transport = "virtio-scsi"',
      "bulk-transport: `virtio-scsi` is for Linux guests only; leave it out",
    ],
    ['user = "root"', 'user: expected one of "login", found "root"'],
    [
      "user = { uid = 0 }",
      'user: names nobody; expected "login", { uid = 0, gid = 0 } or { name = "NAME" }',
    ],
    ["user = { uid = 0, gid = 0, nam = 1 }", "user.nam: unknown key; did you mean `name`?"],
    [
      'user = { uid = 0, gid = 0 }\n[login]\nuser = "me"\nbecome = "none"',
      'user: me cannot run steps as somebody else; set login.become to "sudo" or "doas", or user to "login"',
    ],
  ])("%j", (text, expected) => {
    expect(problems(text)).toBe(`${file}: ${expected}`);
  });

  test("all of it is said at once", () => {
    const text = 'os = "bsd"\ncpus = "two"\ncolour = 1\n[login]\nusr = "x"\nport = 0\n';
    expect(problems(text).split("\n")).toMatchInlineSnapshot(`
      [
        "/images/debian.toml: os: expected one of "linux", "freebsd", "openbsd", "windows", found "bsd"",
        "/images/debian.toml: login.port: expected a whole number from 1 to 65535, found 0",
        "/images/debian.toml: login.usr: unknown key; did you mean \`user\`?",
        "/images/debian.toml: cpus: expected a whole number from 1 to 255, found "two"",
        "/images/debian.toml: colour: unknown key; expected one of \`os\`, \`arch\`, \`machine\`, \`firmware\`, \`kernel\`, \`initrd\`, \`append\`, \`disk-bus\`, \`login\`, \`user\`, \`shell\`, \`env\`, \`memory\`, \`cpus\`, \`boot-timeout\`, \`power-off-timeout\`, \`bulk-transport\`, \`boot\`, \`disk-size\`, \`disk\`",
      ]
    `);
  });

  test("a long value is cut", () => {
    expect(problems(`os = "${"x".repeat(500)}"`)).toContain(`found "${"x".repeat(39)}…"`);
  });
});

test("a bare image is taken for one made for OBuilder", () => {
  expect(obuilderDefaults()).toEqual({
    os: "linux",
    arch: "x86_64",
    machine: "pc",
    boot: { kind: "firmware", firmware: { kind: "bios" } },
    diskBus: "virtio",
    login: { user: "opam", port: 22, identity: { kind: "user" }, become: "sudo" },
    user: { kind: "login" },
    shell: ["/bin/bash", "-c"],
    env: {},
    memoryBytes: 2 * 1024 ** 3,
    cpus: 2,
    bootTimeoutMs: 120_000,
    powerOffTimeoutMs: 30_000,
    bulkTransport: "virtio-scsi",
  });
});
