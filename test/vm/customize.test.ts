import { copyFile, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { debugfs, ext4, putSystem, toolEnv as env } from "../support/image-files.ts";
import { type Ran, vmbuildPath } from "../support/run-vmbuild.ts";
import { hasBase, VmRig } from "../support/vm-rig.ts";

let rig: VmRig;

beforeAll(async () => {
  rig = await VmRig.create();
});

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
});

/** Flags with what belongs to them stand together. */
const customize = (
  image: string,
  ...flags: readonly (string | readonly string[])[]
): Promise<Ran> => rig.run(["customize", "-a", image, ...flags.flat()]);

/** A small system's image, without programs. */
async function image(name: string): Promise<string> {
  const root = await putSystem(rig.dir, `${name}-root`, {
    "etc/passwd": "root:x:0:0::/root:/bin/sh\nada:x:1000:1001::/home/ada:/bin/sh\n",
    "etc/shadow": "root:*:19000:0:99999:7:::\nada:!:19000:0:99999:7:::\n",
    "etc/hostname": "before\n",
    "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 before.example before\n",
    "home/ada/file": "ada's",
    "root/file": "root's",
  });
  // Where a path of the host's would be followed out of the image.
  await symlink("/etc/hostname", join(root, "etc/link"));
  const path = join(rig.dir, name);
  await ext4(path, root);
  return path;
}

test("files, accounts and names are changed in their order, in place, and the file system is clean", async () => {
  const path = await image("files.img");
  await rig.put("local/tool", "#!/bin/sh\n");
  await rig.put("local/data/a b", "with a blank");
  await execa("chmod", ["750", join(rig.dir, "local/tool")]);
  await symlink("a b", join(rig.dir, "local/data/link"));
  await rig.put("key.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKkey ada@host\n");
  await rig.put("commands", "# comment\nmkdir /srv/of-file\nwrite /srv/of-file/x:\\\n   joined\n");
  const ran = await customize(
    "files.img",
    ["--mkdir", "/usr/local/bin", "--copy-in", "local/tool:/usr/local/bin"],
    ["--chmod", "0755:/usr/local/bin/tool", "--copy-in", "local/data:/root"],
    ["--upload", "local/tool:/usr/bin/other", "--chown", "1000:1001:/usr/bin/other"],
    ["--write", "/etc/link:through\n", "--append-line", "/etc/hostname:the link"],
    ["--copy", "/root/file:/root/copy", "--move", "/root/copy:/root/moved"],
    ["--delete", "/root/fi*", "--truncate", "/home/ada/file", "--touch", "/root/new"],
    ["--link", "/root/moved:/root/to", "--commands-from-file", "commands"],
    ["--root-password", "password:secret", "--password", "ada:locked:disabled"],
    ["--ssh-inject", "ada:file:key.pub", "--ssh-inject", "ada:file:key.pub"],
  );
  expect(ran, ran.stderr).toMatchObject({ exitCode: 0, stdout: "" });
  expect(ran.stderr).toMatch(/customized files\.img: 20 operations in /);
  await execa("e2fsck", ["-fn", path], { env });
  const about = (file: string) => debugfs(path, `stat ${file}`);
  const text = (file: string) => debugfs(path, `cat ${file}`);
  const { uid } = await stat(join(rig.dir, "local/tool"));
  expect(await about("/usr/local/bin/tool")).toMatch(/Mode: +0755/);
  expect(await about("/usr/local/bin/tool")).toMatch(new RegExp(`User: +${uid}\\b`));
  expect(await about("/usr/bin/other")).toMatch(/Mode: +0750[^]*User: +1000 +Group: +1001/);
  expect(await text('"/root/data/a b"')).toBe("with a blank");
  expect(await about("/root/data/link")).toContain('Fast link dest: "a b"');
  expect(await text("/etc/hostname")).toBe("through\nthe link");
  expect(await text("/root/moved")).toBe("root's");
  expect(await debugfs(path, "ls /root")).not.toContain(" file ");
  expect(await about("/home/ada/file")).toMatch(/Size: 0\b/);
  expect(await text("/srv/of-file/x")).toBe("joined");
  const shadow = await text("/etc/shadow");
  expect(shadow).toMatch(/^root:\$6\$[^:]+:\d{5}:0:99999:7:::\nada:!\*:\d{5}:/);
  expect((await text("/home/ada/.ssh/authorized_keys")).split("\n")).toHaveLength(1);
  expect(await about("/home/ada/.ssh/authorized_keys")).toMatch(/Mode: +0600[^]*User: +1000/);
  expect((await readdir(rig.dir)).filter((name) => name.startsWith(".vmbuild"))).toEqual([]);
  expect(await rig.machines()).toEqual([]);
});

test("the host's name is known in /etc/hosts, too", async () => {
  const path = await image("name.img");
  expect((await customize("name.img", "--hostname", "after")).exitCode).toBe(0);
  expect(await debugfs(path, "cat /etc/hostname")).toBe("after");
  expect(await debugfs(path, "cat /etc/hosts")).toContain("127.0.1.1 after.example after");
});

test("a failure in the middle changes nothing, and names the operation", async () => {
  const path = await image("failing.img");
  const before = await readFile(path);
  for (const [argv, exitCode, message] of [
    [["--chmod", "0755:/none"], 3, "in --chmod 0755:/none"],
    [["--password", "eve:random"], 3, "the image has no user eve"],
    [["--run-command", "true"], 3, "the image has no /bin/sh"],
    [["--edit", "/etc/hosts:s/a/b/"], 3, "the image has no perl"],
    [["--timezone", "Europe/Copenhagen"], 3, "the image has no time zone"],
    [["--firstboot-command", "true"], 3, "the image has no systemd"],
  ] as const) {
    const ran = await customize("failing.img", "--touch", "/before", ...argv);
    expect(ran, ran.stderr).toMatchObject({ exitCode, stdout: "" });
    expect(ran.stderr).toContain(message);
    expect(ran.stderr).toContain("it is as it was");
  }
  const dry = await customize("failing.img", "--mkdir", "/srv", "--dry-run");
  expect(dry.stderr).toContain("of which nothing is kept");
  expect((await readFile(path)).equals(before)).toBe(true);
});

test("--output writes a new image, and leaves the image as it is", async () => {
  const path = await image("source.img");
  const before = await readFile(path);
  const ran = await customize("source.img", "--mkdir", "/srv/new", "-o", "new.qcow2");
  expect(ran, ran.stderr).toMatchObject({ exitCode: 0 });
  expect((await readFile(path)).equals(before)).toBe(true);
  await execa("qemu-img", ["convert", "-O", "raw", "new.qcow2", "new.raw"], { cwd: rig.dir });
  expect(await debugfs(join(rig.dir, "new.raw"), "ls /srv")).toContain("new");
});

describe("on Debian", () => {
  let hasDebian: boolean;

  beforeAll(async () => {
    hasDebian = await hasBase("debian-12");
    if (!hasDebian) return;
    await using other = await VmRig.create({ base: "debian-12" });
    const profilePath = join(other.store, "base-image/debian-12.toml");
    const disk = /^disk = "(.*)"$/m.exec(await readFile(profilePath, "utf8"))?.[1] ?? "";
    await copyFile(join(dirname(profilePath), disk), join(rig.dir, "debian.qcow2"));
    await execa("chmod", ["600", join(rig.dir, "debian.qcow2")]);
  });

  test("commands run in the system, cut off, and leave no process and no mount", async (context) => {
    if (!hasDebian) context.skip("there is no base image debian-12");
    await rig.put("script", "#!/usr/bin/perl\nprint qq(perl $0\\n);\n");
    await rig.put("first.sh", "#!/bin/sh\necho first\n");
    const ran = await customize(
      "debian.qcow2",
      ["--run-command", "id -u; ls -d /proc/1 /sys/kernel; sleep 1000 & echo $HOME >/root/home"],
      ["--run", "script", "--edit", "/root/home:s/root/ROOT/", "--run-command", "cat /root/home"],
      [
        "--run-command",
        "timeout 5 bash -c '</dev/tcp/10.0.2.2/80' && echo reached || echo cut off",
      ],
      ["--firstboot", "first.sh", "--firstboot-command", "echo second", "-v"],
    );
    expect(ran.exitCode, ran.stderr).toBe(0);
    for (const line of ["| 0", "| /proc/1", "| /sys/kernel", "| perl /dev/program", "| /ROOT"]) {
      expect(ran.stderr).toContain(`${line}\n`);
    }
    expect(ran.stderr).toContain("| cut off\n");
    const failing = await customize("debian.qcow2", "--run-command", "echo why >&2; exit 9");
    expect(failing.exitCode).toBe(1);
    expect(failing.stderr).toContain("why\n  the exit status is 9");
    await writeFile(
      join(rig.dir, "look"),
      "run-command ls /usr/lib/vmbuild/firstboot.d /dev/pts\n",
    );
    const look = await customize("debian.qcow2", "--commands-from-file", "look", "-n", "-v");
    expect(look.stderr).toContain("| 0001\n| 0002\n");
  });

  test("what a command prints is seen while it runs, and Ctrl-C changes nothing", async (context) => {
    if (!hasDebian) context.skip("there is no base image debian-12");
    const disk = join(rig.dir, "debian.qcow2");
    const before = await readFile(disk);
    const command = "echo early; touch /gone; exec sleep 1000";
    const child = execa(
      process.execPath,
      [vmbuildPath, "customize", "-a", disk, "-v", "--run-command", command],
      { env: { ...env, VMBUILD_STORE: rig.store }, reject: false },
    );
    let seen = "";
    child.stderr.on("data", (chunk) => (seen += String(chunk)));
    await expect.poll(() => seen, { timeout: 120_000 }).toContain("| early\n");
    child.kill("SIGINT");
    expect(await child).toMatchObject({ exitCode: 130 });
    expect(before.equals(await readFile(disk))).toBe(true);
    expect(await rig.machines()).toEqual([]);
  });

  test("packages come by the system's own package manager when the network is allowed", async (context) => {
    if (!hasDebian) context.skip("there is no base image debian-12");
    const offline = await customize("debian.qcow2", "--install", "tree");
    expect(offline).toMatchObject({ exitCode: 2 });
    expect(offline.stderr).toContain("--install tree needs the network\n  hint: add --network");
    const ran = await customize("debian.qcow2", [
      "--network",
      "--install",
      "tree",
      "--run-command",
      "tree --version",
      "-v",
    ]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stderr).toMatch(/^\| tree v/m);
    const removed = await customize("debian.qcow2", [
      "--uninstall",
      "tree",
      "--run-command",
      "test ! -e /usr/bin/tree",
    ]);
    expect(removed.exitCode, removed.stderr).toBe(0);
  });
});
