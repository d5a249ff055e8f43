import { cp, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { vmbuildPath } from "../support/run-vmbuild.ts";
import { debugfs, ext4, partitioned, putSystem, toolEnv as env } from "../support/image-files.ts";
import { hasBase, VmRig } from "../support/vm-rig.ts";

const mib = 2 ** 20;

let rig: VmRig;

beforeAll(async () => {
  rig = await VmRig.create();
});

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
});

test("an image without partitions is sealed in place, trimmed and left clean", async () => {
  const root = await putSystem(rig.dir, "plain", {
    "etc/ssh/ssh_host_rsa_key": "key",
    "var/log/big": "x".repeat(8 * mib),
    "var/log/app.1": "old",
    "etc/passwd": "root:x:0:0::/root:/bin/sh\n",
    "root/.ssh/authorized_keys": `ssh-ed25519 AAAA other\n`,
  });
  // A link that would lead out of the image anywhere but in it.
  await symlink("/var/log/big", join(root, "var/log/link"));
  await symlink("/tmp", join(root, "var/tmp"));
  await writeFile(join(root, "tmp/left"), "over");
  const image = join(rig.dir, "plain.img");
  await ext4(image, root);
  await execa("debugfs", ["-w", "-R", "feature needs_recovery", image], { env });
  const before = (await stat(image)).blocks * 512;
  const sealed = await rig.run(["seal", "plain.img", "-v"]);
  expect(sealed, sealed.stderr).toMatchObject({ exitCode: 0, stdout: "" });
  for (const line of [
    "machine-id: emptied /etc/machine-id",
    "ssh-hostkeys: removed /etc/ssh/ssh_host_rsa_key",
    "logfiles: emptied /var/log/big",
    "logfiles: removed /var/log/app.1",
    "tmp-files: removed /tmp/left",
    "note: the journal on the whole disk was replayed",
    "note: ssh-hostkeys: no SSH server starts before",
    "sealed plain.img (Test Linux): 5 changes by 4 operations",
  ]) {
    expect(sealed.stderr).toContain(line);
  }
  await execa("e2fsck", ["-fn", image], { env });
  expect(await debugfs(image, "stat /etc/machine-id")).toMatch(/Size: 0\b/);
  expect(await debugfs(image, "ls /etc/ssh")).not.toContain("ssh_host");
  expect(await debugfs(image, "cat /root/.ssh/authorized_keys")).toContain("other");
  expect((await stat(image)).blocks * 512).toBeLessThan(before - 6 * mib);
  expect((await readdir(rig.dir)).filter((name) => name.startsWith(".vmbuild"))).toEqual([]);
});

test("what belongs to the system on other partitions is found by its fstab, and sealed as a copy", async () => {
  const esp = join(rig.dir, "esp");
  await execa("truncate", ["-s", "32M", esp]);
  await execa("mkfs.vfat", ["-n", "ESP", "-i", "12AB34CD", esp], { env });
  const boot = join(rig.dir, "boot");
  await mkdir(join(rig.dir, "b/loader"), { recursive: true });
  await mkdir(join(rig.dir, "b/efi"), { recursive: true });
  await writeFile(join(rig.dir, "b/loader/random-seed"), "seed");
  await ext4(boot, join(rig.dir, "b"), ["-L", "BOOT"]);
  const log = join(rig.dir, "log");
  const id = "0d0f6a1c-6e0b-4a3e-9d58-2c0a3f1b7e11";
  await mkdir(join(rig.dir, "l"));
  await writeFile(join(rig.dir, "l/app"), "logged");
  await ext4(log, join(rig.dir, "l"));
  const root = await putSystem(rig.dir, "gpt", {
    "etc/fstab": [
      "# made by a test",
      "/dev/vda2 / ext4 defaults 0 1",
      "LABEL=BOOT /boot ext4 defaults 0 2",
      "UUID=12AB-34CD /boot/efi vfat umask=0077 0 1",
      `PARTUUID=${id.toUpperCase()} /var/log ext4 defaults 0 2`,
      "UUID=00000000-0000-0000-0000-000000000000 /home ext4 defaults 0 2",
      "tmpfs /tmp tmpfs defaults 0 0",
    ].join("\n"),
    "var/log/hidden": "below the mount",
  });
  await ext4(join(rig.dir, "root"), root);
  await partitioned(join(rig.dir, "gpt.img"), "gpt", [
    [esp, "type=U"],
    [join(rig.dir, "root"), "type=L"],
    [boot, "type=L"],
    [log, `type=L, uuid=${id}`],
  ]);
  const before = await readFile(join(rig.dir, "gpt.img"));
  const sealed = await rig.run(["seal", "gpt.img", "-v", "-o", "out.raw"]);
  expect(sealed.exitCode, sealed.stderr).toBe(0);
  expect(sealed.stderr).toContain("random-seed: removed /boot/loader/random-seed");
  expect(sealed.stderr).toContain("logfiles: emptied /var/log/app\n");
  expect(sealed.stderr).toMatch(/note: \/home is on UUID=0+-.* not on this disk/);
  expect(sealed.stderr).not.toMatch(/cannot be mounted|could not be trimmed/);
  const out = join(rig.dir, "out.raw");
  expect(await debugfs(out, "stat /app", 97 * mib)).toMatch(/Size: 0\b/);
  expect(await debugfs(out, "stat /var/log/hidden", 33 * mib)).toMatch(/Size: 15\b/);
  for (const at of [33, 65, 97])
    await execa("e2fsck", ["-fn", `${out}?offset=${at * mib}`], { env });
  expect(before.equals(await readFile(join(rig.dir, "gpt.img")))).toBe(true);
  const checked = await execa("sha256sum", ["-c", "SHA256SUMS"], { cwd: rig.dir });
  expect(checked.stdout).toBe("out.raw: OK");
});

describe("an image that is not changed", () => {
  /** Runs `seal` on an image, which has to be as it was afterwards. */
  async function refused(name: string): Promise<string> {
    const before = await readFile(join(rig.dir, name));
    const ran = await rig.run(["seal", name]);
    expect(ran, ran.stderr).toMatchObject({ exitCode: 3, stdout: "" });
    expect(before.equals(await readFile(join(rig.dir, name)))).toBe(true);
    return ran.stderr;
  }

  test("has two systems, or none", async () => {
    const volume = join(rig.dir, "one");
    await ext4(volume, await putSystem(rig.dir, "two", {}));
    await partitioned(join(rig.dir, "two.img"), "dos", [
      [volume, "type=83"],
      [volume, "type=83"],
    ]);
    const several = await refused("two.img");
    expect(several).toContain("there is more than one system on");
    expect(several).toContain("partition 1: Test Linux\n  partition 2: Test Linux");
    await mkdir(join(rig.dir, "data/files"), { recursive: true });
    await ext4(join(rig.dir, "none.img"), join(rig.dir, "data"));
    const none = await refused("none.img");
    expect(none).toContain("there is no system on");
    expect(none).toContain("the whole disk: ext4");
  });

  test("is one whose sealing was stopped", async () => {
    const image = join(rig.dir, "stop.img");
    await ext4(image, await putSystem(rig.dir, "stop", {}));
    const before = await readFile(image);
    const child = execa(process.execPath, [vmbuildPath, "seal", "-v", image], {
      cwd: rig.dir,
      env: { VMBUILD_STORE: rig.store },
      reject: false,
    });
    child.stderr.on("data", (chunk: Buffer) => {
      if (chunk.includes("accelerator")) child.kill("SIGINT");
    });
    const ended = await child;
    expect(ended.exitCode, ended.stderr).toBe(130);
    expect(before.equals(await readFile(image))).toBe(true);
    expect((await readdir(rig.dir)).filter((name) => name.startsWith(".vmbuild"))).toEqual([]);
    expect(await rig.machines()).toEqual([]);
  });
});

test("a layer that runs is exported shut down and sealed, and stays as it was", async () => {
  const id = await rig.built(`(run (shell "echo typed >/root/.ash_history; echo made >/made"))`);
  const exported = await rig.run([
    "export",
    id.slice(0, 12),
    "--seal",
    "-v",
    "-o",
    "layer.raw",
    "--no-sums",
  ]);
  expect(exported.exitCode, exported.stderr).toBe(0);
  expect(exported.stderr).toContain("build-key: removed /root/.ssh/authorized_keys");
  expect(exported.stderr).toContain("bash-history: removed /root/.ash_history");
  const image = join(rig.dir, "layer.raw");
  expect(await debugfs(image, "cat /made")).toBe("made");
  expect(await debugfs(image, "ls /etc/dropbear")).not.toContain("host_key");
  await execa("e2fsck", ["-fn", image], { env });
  await rm(image);
  const again = await rig.run(["export", id, "-o", "layer.raw", "--no-sums"]);
  expect(again.exitCode, again.stderr).toBe(0);
  expect(await debugfs(image, "cat /root/.ash_history")).toBe("typed");
});

test.runIf(await hasBase("debian-12"))("Debian is sealed as a copy of its base image", async () => {
  await using debian = await VmRig.create({ base: "debian-12" });
  for (const part of ["base-image", "result"]) {
    await cp(join(rig.store, part), join(debian.store, part), { recursive: true });
  }
  const argv = ["export", "debian-12", "--seal", "--no-sums", "-v", "-o", "deb.raw"];
  const sealed = await debian.run(argv);
  expect(sealed.exitCode, sealed.stderr).toBe(0);
  expect(sealed.stderr).toContain("ssh-hostkeys: removed /etc/ssh/ssh_host_ed25519_key\n");
  // cloud-init is there, and makes new ones.
  expect(sealed.stderr).not.toContain("note:");
  const image = join(debian.dir, "deb.raw");
  const { stdout } = await execa("sfdisk", ["-J", image], { env });
  const { partitiontable } = JSON.parse(stdout) as {
    partitiontable: { partitions: { start: number; size: number }[] };
  };
  const [root] = partitiontable.partitions.toSorted((a, b) => b.size - a.size);
  const at = (root?.start ?? 0) * 512;
  expect(await debugfs(image, "ls /root/.ssh", at)).not.toContain("authorized_keys");
  expect(await debugfs(image, "ls /etc/ssh", at)).not.toContain("ssh_host");
  expect(await debugfs(image, "stat /etc/machine-id", at)).toMatch(/Size: 0\b/);
  await execa("e2fsck", ["-fn", `${image}?offset=${at}`], { env });
});
