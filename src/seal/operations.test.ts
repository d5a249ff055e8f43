import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type SealOperation, sealOperations } from "./operations.ts";
import { sealScript } from "./seal-script.ts";

const key = "AAAAC3NzaC1lZDI1NTE5AAAAIPbuildkeybuildkeybuildkeybuildkeybuildk+/";
const publicKeys = [`ssh-ed25519 ${key}`];

let dir: string;
let root: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-seal-"));
  // What a pattern would be read from is a name here.
  root = join(dir, "ro*t [a]");
  await mkdir(root);
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function put(path: string, content = "content\n", mode = 0o644): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content, { mode });
}

/** Runs operations on the root; gives the records they print, without the operation's name when it is but one. */
async function seal(shell: readonly string[], ...names: string[]): Promise<readonly string[]> {
  const chosen = names.map((name) => sealOperations.find((operation) => operation.name === name));
  const script = sealScript(chosen as SealOperation[], { publicKeys, root });
  const [program = "", ...args] = shell;
  const { stdout } = await execa(program, [...args, "-c", script], { env: { LC_ALL: "C" } });
  const records = stdout.split("\0").slice(0, -1);
  return names.length > 1
    ? records
    : records.map((record) => record.split("\t").slice(1).join(" "));
}

/** Every file and link below the root, with its size; directories that are empty end in a slash. */
async function tree(below = ""): Promise<readonly string[]> {
  const entries = await readdir(join(root, below), { withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = `${below}/${entry.name}`;
    if (!entry.isDirectory()) {
      found.push(entry.isSymbolicLink() ? path : `${path} ${(await stat(join(root, path))).size}`);
    } else {
      const inside = await tree(path);
      found.push(...(inside.length === 0 ? [`${path}/`] : inside));
    }
  }
  return found;
}

const passwd = "root:x:0:0:root:/root:/bin/bash\nu:x:1000:1000::/home/u v:/bin/sh\nn:x:9:9::/:/x\n";

describe.each([
  ["dash", ["/bin/sh"]],
  ["busybox", ["busybox", "sh"]],
] as const)("in %s", (_, shell) => {
  test("machine-id is emptied, and D-Bus' copy goes", async () => {
    await put("/etc/machine-id", "0123456789abcdef0123456789abcdef\n", 0o444);
    await put("/var/lib/dbus/machine-id");
    expect(await seal(shell, "machine-id")).toEqual([
      "emptied /etc/machine-id",
      "removed /var/lib/dbus/machine-id",
    ]);
    expect(await tree()).toEqual(["/etc/machine-id 0", "/var/lib/dbus/"]);
    expect((await stat(join(root, "etc/machine-id"))).mode & 0o777).toBe(0o444);
    expect(await seal(shell, "machine-id")).toEqual([]);
  });

  test("a machine-id that is a link keeps what it leads to; one that waits for a first boot stays", async () => {
    await put("/var/lib/dbus/machine-id");
    await mkdir(join(root, "etc"));
    await symlink("../var/lib/dbus/machine-id", join(root, "etc/machine-id"));
    expect(await seal(shell, "machine-id")).toEqual(["emptied /etc/machine-id"]);
    expect(await tree()).toEqual(["/etc/machine-id", "/var/lib/dbus/machine-id 0"]);
    await rm(join(root, "etc/machine-id"));
    await put("/etc/machine-id", "uninitialized\n");
    await rm(join(root, "var"), { recursive: true });
    expect(await seal(shell, "machine-id")).toEqual([]);
  });

  test("ssh-hostkeys says when nothing makes new ones", async () => {
    const keys = ["/etc/ssh/ssh_host_rsa_key", "/etc/ssh/ssh_host_rsa_key.pub"];
    for (const path of keys) await put(path);
    await put("/etc/ssh/sshd_config");
    expect(await seal(shell, "ssh-hostkeys")).toEqual([
      ...keys.map((path) => `removed ${path}`),
      expect.stringMatching(/^note no SSH server starts before/),
    ]);
    expect(await tree()).toEqual(["/etc/ssh/sshd_config 8"]);
    expect(await seal(shell, "ssh-hostkeys")).toEqual([]);
  });

  test.each([
    "/usr/bin/cloud-init",
    "/usr/lib/systemd/system/sshd-keygen@.service",
    "/etc/systemd/system/regenerate-ssh-keys.service",
  ])("ssh-hostkeys leaves the new ones to %s", async (path) => {
    await put("/etc/ssh/ssh_host_ed25519_key");
    await put(path);
    expect(await seal(shell, "ssh-hostkeys")).toEqual(["removed /etc/ssh/ssh_host_ed25519_key"]);
  });

  test("ssh-hostkeys knows of keys that an init script makes, and of a cloud-init that is off", async () => {
    await put("/etc/ssh/ssh_host_ed25519_key");
    await put("/usr/bin/cloud-init");
    await put("/etc/cloud/cloud-init.disabled");
    expect(await seal(shell, "ssh-hostkeys")).toHaveLength(2);
    await put("/etc/ssh/ssh_host_ed25519_key");
    await put("/etc/init.d/sshd", "#!/sbin/openrc-run\nssh-keygen -A\n");
    expect(await seal(shell, "ssh-hostkeys")).toHaveLength(1);
  });

  test("cloud-init loses its instance, not its seed nor its users' scripts", async () => {
    await put("/var/lib/cloud/instances/i-1/user-data.txt");
    await symlink("/var/lib/cloud/instances/i-1", join(root, "var/lib/cloud/instance"));
    await put("/var/lib/cloud/data/instance-id");
    await put("/var/lib/cloud/seed/nocloud/user-data");
    await put("/var/lib/cloud/scripts/per-boot/mine");
    await put("/var/log/cloud-init-output.log");
    await seal(shell, "cloud-init");
    expect(await tree()).toEqual([
      "/var/lib/cloud/scripts/per-boot/mine 8",
      "/var/lib/cloud/seed/nocloud/user-data 8",
      "/var/log/",
    ]);
  });

  test("build-key takes its own line only, and keeps a file's mode", async () => {
    const other = "ssh-rsa AAAAB3NzaC1yc2EAAAA other@host";
    await put("/etc/passwd", passwd);
    const file = "/home/u v/.ssh/authorized_keys";
    await put(file, `# mine\n${other}\nrestrict,command="a b" ssh-ed25519 ${key} vmbuild\n`, 0o600);
    await put("/root/.ssh/authorized_keys", `\n# vmbuild\nssh-ed25519 ${key}\n`);
    await put("/etc/dropbear/authorized_keys", `${other}\n`);
    expect(await seal(shell, "build-key")).toEqual([
      "removed /root/.ssh/authorized_keys",
      `changed ${file}`,
    ]);
    expect(await readFile(join(root, file), "utf8")).toBe(`# mine\n${other}\n`);
    expect((await stat(join(root, file))).mode & 0o777).toBe(0o600);
  });

  test("logfiles are emptied, rotated ones and the journal removed, links left alone", async () => {
    await put("/var/log/syslog", "x", 0o640);
    await put("/var/log/lastlog", "");
    for (const name of ["syslog.1", "syslog.2.gz", "dnf.log-20240101", "apt/history.log.1.gz"]) {
      await put(`/var/log/${name}`);
    }
    await put("/var/log/apt/history.log");
    await put("/var/log/.hidden");
    await put("/var/log/journal/0123/system.journal");
    await put("/elsewhere/log");
    await symlink("/elsewhere", join(root, "var/log/link"));
    await seal(shell, "logfiles");
    expect(await tree()).toEqual([
      "/elsewhere/log 8",
      "/var/log/.hidden 0",
      "/var/log/apt/history.log 0",
      "/var/log/journal/",
      "/var/log/lastlog 0",
      "/var/log/link",
      "/var/log/syslog 0",
    ]);
    expect((await stat(join(root, "var/log/syslog"))).mode & 0o777).toBe(0o640);
  });

  test("bash-history is that of every home", async () => {
    await put("/etc/passwd", passwd);
    for (const path of ["/root/.bash_history", "/home/u v/.zsh_history", "/.bash_history"]) {
      await put(path);
    }
    expect(await seal(shell, "bash-history")).toEqual([
      "removed /root/.bash_history",
      "removed /home/u v/.zsh_history",
    ]);
  });

  test("tmp-files takes hidden and strange names, and leaves the directories", async () => {
    for (const name of ["-rf", ".hidden", "..odd", "a b", "new\nline", "sub/file"]) {
      await put(`/tmp/${name}`);
    }
    await put("/var/tmp/*");
    await seal(shell, "tmp-files");
    expect(await tree()).toEqual(["/tmp/", "/var/tmp/"]);
  });

  test.each<[string, readonly string[], readonly string[]]>([
    [
      "random-seed",
      ["/var/lib/systemd/random-seed", "/boot/efi/loader/random-seed"],
      ["/boot/efi/loader/loader.conf"],
    ],
    [
      "dhcp-client-state",
      ["/var/lib/dhcp/dhclient.eth0.leases", "/var/lib/NetworkManager/secret_key"],
      ["/var/lib/NetworkManager/NetworkManager.state", "/etc/dhcp/dhclient.conf"],
    ],
    ["udev-persistent-net", ["/etc/udev/rules.d/70-persistent-net.rules"], ["/etc/udev/udev.conf"]],
    ["crash-data", ["/var/crash/a.crash"], ["/var/lib/systemd/other"]],
    ["mail-spool", ["/var/mail/root"], ["/var/spool/cron/root"]],
    ["passwd-backups", ["/etc/passwd-", "/etc/gshadow-"], ["/etc/passwd", "/etc/shadow"]],
    [
      "package-manager-cache",
      ["/var/cache/apt/archives/a.deb", "/var/cache/apt/pkgcache.bin", "/var/cache/dnf/x/y"],
      ["/var/cache/apt/archives/lock", "/var/lib/apt/lists/a_Packages"],
    ],
    ["package-lists", ["/var/lib/apt/lists/a_Packages"], ["/var/lib/apt/lists/lock"]],
    ["rh-subscription", ["/etc/pki/consumer/key.pem"], ["/etc/pki/tls/cert.pem"]],
    ["ssh-userdir", ["/root/.ssh/id_ed25519"], ["/etc/ssh/ssh_host_rsa_key"]],
  ])("%s removes %j and leaves %j", async (name, gone, left) => {
    for (const path of [...gone, ...left]) await put(path);
    await seal(shell, name);
    for (const path of gone) await expect(stat(join(root, path))).rejects.toThrow("ENOENT");
    for (const path of left) expect((await stat(join(root, path))).size).toBe(8);
  });

  test("net-hwaddr takes the address out", async () => {
    const file = "/etc/sysconfig/network-scripts/ifcfg-eth0";
    await put(file, "DEVICE=eth0\nHWADDR=52:54:00:12:34:56\nONBOOT=yes\n");
    expect(await seal(shell, "net-hwaddr")).toEqual([`changed ${file}`]);
    expect(await readFile(join(root, file), "utf8")).toBe("DEVICE=eth0\nONBOOT=yes\n");
  });

  test("all of them do nothing in an empty root, and all is told by its operation", async () => {
    const names = sealOperations.map(({ name }) => name);
    expect(await seal(shell, ...names)).toEqual([]);
    await put("/tmp/x");
    await put("/etc/machine-id");
    expect(await seal(shell, ...names)).toEqual([
      "machine-id\temptied\t/etc/machine-id",
      "tmp-files\tremoved\t/tmp/x",
    ]);
  });

  test("one that fails ends it, and is named", async () => {
    const failing = { name: "bad", description: "", isDefault: true, script: "false\ntell did it" };
    const next = { ...failing, name: "next", script: "tell did it" };
    const script = sealScript([failing, next], { publicKeys: [], root });
    const [program = "", ...args] = shell;
    const ran = await execa(program, [...args, "-c", script], { reject: false });
    expect(ran).toMatchObject({ exitCode: 1, stdout: "", stderr: "in the operation bad" });
  });
});
