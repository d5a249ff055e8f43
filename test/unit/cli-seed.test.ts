import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hashPassword } from "../../src/cloudinit/password-hash.ts";
import { type Ran, vmbuild } from "../support/run-vmbuild.ts";

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-cli-seed-"));
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

const put = (name: string, text: string | Uint8Array) => writeFile(join(dir, name), text);
const seed = (argv: readonly string[], input?: string): Promise<Ran> =>
  vmbuild(["seed", ...argv], { cwd: dir, ...(input === undefined ? {} : { input }) });

test("makes the same image each time, out of files and standard input", async () => {
  await put("user", "#cloud-config\nhostname: one\n");
  await put("meta", "instance-id: one\n");
  const made = await seed(["-o", "a.iso", "--user-data", "user", "--meta-data", "meta"]);
  expect(made).toEqual({
    exitCode: 0,
    stdout: "",
    stderr: "made the seed a.iso with user-data, meta-data",
  });
  // What is there is replaced, and a link is followed.
  await put("b.iso", "old");
  await symlink("b.iso", join(dir, "link.iso"));
  const again = await seed(
    ["-o", "link.iso", "--user-data", "-", "--meta-data", "meta"],
    "#cloud-config\nhostname: one\n",
  );
  expect(again.exitCode, again.stderr).toBe(0);
  expect(await readFile(join(dir, "b.iso"))).toEqual(await readFile(join(dir, "a.iso")));
  expect((await readdir(dir)).sort()).toEqual(["a.iso", "b.iso", "link.iso", "meta", "user"]);
});

test("what is wrong in any file is told at once, and nothing is written", async () => {
  await put("user", "#cloud-config\nhostnme: one\n");
  await put("net", "version: 3\n");
  const argv = ["-o", "a.iso", "--user-data", "user", "--network-config", "net"];
  const ran = await seed(argv);
  expect(ran.exitCode).toBe(3);
  expect(ran.stderr).toContain("user:2:1: error: cloud-init knows no key hostnme\n");
  expect(ran.stderr).toContain("  hint: did you mean `hostname`?\n");
  expect(ran.stderr).toContain("net:1:10: error: the version of a network-config is 1 or 2\n");
  expect(ran.stderr).toContain("no seed is made: cloud-init would not take user and net\n");
  expect((await readdir(dir)).sort()).toEqual(["net", "user"]);
  const unchecked = await seed([...argv, "--no-check"]);
  expect(unchecked.exitCode, unchecked.stderr).toBe(0);
});

test.each<[name: string, argv: string[], exitCode: number, message: string]>([
  ["nothing to be done", ["-o", "a.iso"], 2, "there is nothing to be done in the seed"],
  ["a missing file", ["-o", "a.iso", "--user-data", "none"], 3, "there is no file none"],
  ["a directory", ["-o", "a.iso", "--user-data", "."], 3, ". is a directory, not a user-data"],
  ["a device to write to", ["-o", "/dev/null", "--user-data", "user"], 2, "it is a device"],
  [
    "two of standard input",
    ["-o", "a.iso", "--user-data", "-", "--meta-data", "-"],
    2,
    "only one file can be standard input",
  ],
  ["no text", ["-o", "a.iso", "--user-data", "binary"], 3, "this is not UTF-8 text"],
])("%s is told", async (_, argv, exitCode, message) => {
  await put("user", "#!/bin/sh\n");
  await put("binary", Uint8Array.of(0x23, 0x21, 0xff, 0xfe));
  const ran = await seed(argv, "");
  expect(ran.exitCode).toBe(exitCode);
  expect(ran.stderr).toContain(message);
  expect((await readdir(dir)).sort()).toEqual(["binary", "user"]);
});

describe("what is said by flags", () => {
  const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN2Z0zC0XRsQo8wXcN9GI me";
  /** The text of a file in an image, which is as it is in there. */
  const image = async () => (await readFile(join(dir, "a.iso"))).toString("latin1");

  test("needs no user-data, and is merged into one", async () => {
    await put("key.pub", `# mine\n${key}\n\n`);
    const flags = ["--user", "me", "--ssh-key", "key.pub", "--hostname", "a.b"];
    const alone = await seed(["-o", "a.iso", ...flags, "--package", "git,curl", "--run", "date"]);
    expect(alone.exitCode, alone.stderr).toBe(0);
    expect(alone.stderr).toBe("made the seed a.iso with user-data, meta-data");
    expect(await image()).toContain(
      `#cloud-config
hostname: a
fqdn: a.b
users:
  - default
  - name: me
    shell: /bin/bash
    sudo: ALL=(ALL) NOPASSWD:ALL
    ssh_authorized_keys:
      - ${key}
packages:
  - git
  - curl
runcmd:
  - date
`,
    );
    await put("user", "#cloud-config\n# kept\npackages: [vim]\n");
    const both = await seed(["-o", "a.iso", "--user-data", "user", "--package", "git"]);
    expect(both.exitCode, both.stderr).toBe(0);
    expect(await image()).toContain("#cloud-config\n# kept\npackages: [ vim, git ]\n");
  });

  test("a password is hashed, wherever it comes from", async () => {
    await put("password", "secret\n");
    for (const [from, input] of [
      ["password", undefined],
      ["-", "secret"],
      ["env:PASSWORD", undefined],
    ] as const) {
      const ran = await vmbuild(["seed", "-o", "a.iso", "--password", from], {
        cwd: dir,
        env: { PASSWORD: "secret" },
        ...(input === undefined ? {} : { input }),
      });
      expect(ran.exitCode, ran.stderr).toBe(0);
      const text = await image();
      const salt = /password: \$6\$([./0-9A-Za-z]+)\$/.exec(text)?.[1] ?? "";
      expect(text).toContain(`password: ${hashPassword("secret", salt)}\n`);
      expect(text).not.toContain("secret");
    }
    await put("password", `${hashPassword("secret", "salt")}\n`);
    await seed(["-o", "a.iso", "--user", "me", "--password", "password"]);
    expect(await image()).toContain(`hashed_passwd: ${hashPassword("secret", "salt")}\n`);
  });

  test("the host's own cloud-init is asked, and is no judge", async () => {
    const bin = join(dir, "bin");
    await mkdir(bin);
    await writeFile(
      join(bin, "cloud-init"),
      '#!/bin/sh\n[ "$1 $2" = "schema --config-file" ] && [ -e "$3" ] && echo "Error: $3: bad"\nexit 1\n',
      { mode: 0o755 },
    );
    const ran = await vmbuild(["seed", "-o", "a.iso", "--hostname", "a"], {
      cwd: dir,
      env: { PATH: `${bin}:${process.env["PATH"]}` },
    });
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).toContain("warning: cloud-init schema: Error: user-data: bad\n");
  });

  test.each<[argv: string[], exitCode: number, message: string]>([
    [["--user", "a b"], 2, '--user: "a b" is no account\'s name'],
    [["--hostname", "-a"], 2, '--hostname: "-a" is no name of a host'],
    [["--ssh-key", "none"], 3, "there is no file none"],
    [["--ssh-key", "private"], 3, "--ssh-key private: this is a private key"],
    [["--ssh-key", "text"], 3, '--ssh-key text: "text" is not a public key'],
    [["--password", "empty"], 3, "--password: it is empty"],
    [["--password", "env:NONE"], 3, "--password: the environment has no variable NONE"],
    [["--password", "-", "--user-data", "-"], 2, "only one file can be standard input"],
    [
      ["--user-data", "list", "--run", "date"],
      3,
      "list: runcmd is not a list, so nothing can be added to it by a flag",
    ],
  ])("%j is told", async (argv, exitCode, message) => {
    await put("private", "-----BEGIN OPENSSH PRIVATE KEY-----\n");
    await put("text", "text\n");
    await put("empty", "\n");
    await put("list", "#cloud-config\nruncmd: date\n");
    const ran = await seed(["-o", "a.iso", "--no-check", ...argv], "");
    expect(ran.exitCode, ran.stderr).toBe(exitCode);
    expect(ran.stderr).toContain(message);
    expect(await readdir(dir)).not.toContain("a.iso");
  });
});
