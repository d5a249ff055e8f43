import { mkdir, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Ran, vmbuild, vmbuildPath } from "../support/run-vmbuild.ts";

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-input-"));
  await mkdir(join(dir, "dir"));
  await execa("mkfifo", [join(dir, "fifo")]);
  await writeFile(join(dir, "disk.raw"), "");
  await truncate(join(dir, "disk.raw"), 1024 ** 2);
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

function run(...argv: string[]): Promise<Ran> {
  return vmbuild(argv, { cwd: dir, env: { VMBUILD_STORE: "store" } });
}

describe("base add", () => {
  test.each([
    ["nosuch", "there is no such file"],
    ["dir", "it is a directory, not a regular file"],
    ["fifo", "it is a FIFO, not a regular file"],
    ["text", "its 3 bytes are not a whole number of sectors"],
  ])("refuses --from %s at once", async (from, message) => {
    await writeFile(join(dir, "text"), "hi\n");
    const ran = await run("base", "add", "x", "--from", from);
    expect(ran).toMatchObject({ exitCode: 3, stdout: "" });
    expect(ran.stderr).toContain(`${join(dir, from)} cannot be used: `);
    expect(ran.stderr).toContain(message);
    expect(ran.stderr).toContain("hint: give a qcow2 or raw disk image");
  });

  test("refuses a disk whose end is missing", async () => {
    await execa("qemu-img", ["create", "-q", "-f", "qcow2", "cut.qcow2", "1M"], { cwd: dir });
    await execa("qemu-io", ["-c", "write 0 1M", "cut.qcow2"], { cwd: dir });
    await truncate(join(dir, "cut.qcow2"), 512 * 1024);
    const ran = await run("base", "add", "x", "--from", "cut.qcow2");
    expect(ran).toMatchObject({ exitCode: 3, stdout: "" });
    expect(ran.stderr).toContain("cut.qcow2 cannot be used: it is damaged, or its end is");
  });

  test("says how to convert a vmdk", async () => {
    await execa("qemu-img", ["create", "-q", "-f", "vmdk", "disk.vmdk", "1M"], { cwd: dir });
    const ran = await run("base", "add", "x", "--from", "disk.vmdk");
    expect(ran.exitCode, ran.stderr).toBe(3);
    expect(ran.stderr).toContain("qemu-img convert -O qcow2");
  });

  test.each([
    ["kernel = 'none'\ninitrd = 'fifo'", ["kernel: ", "/none", "no such file", "initrd: ", "FIFO"]],
    ["firmware = './dir'", ["firmware: ", "it is a directory"]],
    ["[login]\nidentity = '/nope'", ["login.identity: ", "/nope", "there is no such file"]],
    ["disk = 'disk.raw'", ["disk: ", "--from names the disk"]],
  ])("refuses the profile %j", async (profile, messages) => {
    await writeFile(join(dir, "p.toml"), profile);
    const ran = await run("base", "add", "x", "--from", "disk.raw", "--profile", "p.toml");
    expect(ran).toMatchObject({ exitCode: 3, stdout: "" });
    for (const message of messages) expect(ran.stderr).toContain(message);
  });

  test.each(["fifo", "dir", "nosuch"])("refuses %s as a profile", async (profile) => {
    const ran = await run("base", "add", "x", "--from", "disk.raw", "--profile", profile);
    expect(ran.exitCode, ran.stderr).toBe(3);
    expect(ran.stderr).toContain(join(dir, profile));
  });

  test("reads a profile with a byte order mark", async () => {
    await writeFile(join(dir, "p.toml"), "\ufeffmemory = '256M'\n");
    const ran = await run("base", "add", "x", "--from", "disk.raw", "--profile", "p.toml");
    expect(ran.exitCode, ran.stderr).toBe(0);
  });
});

describe("vmbuild base build", () => {
  test("refuses a medium that the recipe does not read", async () => {
    const ran = await run("base", "build", "busybox", "--iso", "disk.raw");
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toContain("the recipe of busybox does not read --iso");
  });
});

describe("a base image in the store", () => {
  test.each([
    ["kernel = 'none'", "none cannot be used: there is no such file"],
    ["kernel = '../../fifo'", "fifo cannot be used: it is a FIFO"],
  ])("with the profile %j is refused", async (profile, message) => {
    const images = join(dir, "store", "base-image");
    await mkdir(images, { recursive: true });
    await execa("cp", ["disk.raw", join(images, "x.raw")], { cwd: dir });
    await writeFile(join(images, "x.toml"), profile);
    await writeFile(join(dir, "test.spec"), "((from x))");
    const ran = await run("plan", "-f", "test.spec");
    expect(ran.exitCode, ran.stderr).toBe(3);
    expect(ran.stderr).toContain(message);
  });

  test("may not have a FIFO for a profile", async () => {
    const images = join(dir, "store", "base-image");
    await mkdir(images, { recursive: true });
    await execa("mkfifo", [join(images, "x.toml")]);
    await writeFile(join(dir, "test.spec"), "((from x))");
    const ran = await run("plan", "-f", "test.spec");
    expect(ran.exitCode, ran.stderr).toBe(3);
    expect(ran.stderr).toContain("it is a FIFO, not a regular file");
  });
});

describe("a spec", () => {
  test("may come through a FIFO", async () => {
    const [ran] = await Promise.all([
      run("check", "fifo"),
      writeFile(join(dir, "fifo"), "((from tiny))"),
    ]);
    expect(ran).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  });

  test.each(['yes | "$@" -', 'yes >fifo & "$@" fifo'])(
    "without end is refused: %s",
    async (line) => {
      // `yes` ends when nobody reads any more.
      const ran = await execa("sh", ["-c", line, "sh", process.execPath, vmbuildPath, "check"], {
        cwd: dir,
        reject: false,
      });
      expect(ran.exitCode, ran.stderr).toBe(3);
      expect(ran.stderr).toContain("the text is larger than 4 MiB");
    },
  );

  test("is not a socket or a device", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(dir, "socket"), resolve));
    await using _ = { [Symbol.asyncDispose]: async () => void server.close() };
    const ran = await run("check", "socket");
    expect(ran).toMatchObject({ exitCode: 3, stderr: "vmbuild: socket is a socket, not a spec" });
  });
});

test("vmbuild.toml may have a byte order mark, and is no FIFO", async () => {
  await writeFile(join(dir, "test.spec"), "((from x))");
  await writeFile(join(dir, "vmbuild.toml"), "\ufeffstore = 'marked'\n");
  const plan = () => vmbuild(["plan", "-f", "test.spec"], { cwd: dir });
  expect((await plan()).stderr).toContain("marked/base-image");
  await rm(join(dir, "vmbuild.toml"));
  await execa("mkfifo", [join(dir, "vmbuild.toml")]);
  expect(await plan()).toMatchObject({
    exitCode: 3,
    stderr: `vmbuild: ${join(dir, "vmbuild.toml")}: it is a FIFO, not a regular file`,
  });
});
