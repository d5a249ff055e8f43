import { chmod, mkdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ext4, putSystem, toolEnv as env } from "../support/image-files.ts";
import { VmRig } from "../support/vm-rig.ts";

let rig: VmRig;
let before: Buffer;

beforeAll(async () => {
  rig = await VmRig.create();
  const root = await putSystem(rig.dir, "root", {
    "srv/a b/c'd": "odd",
    "srv/big": "x".repeat(300_000),
    "srv/new\nline": "",
    "etc/fstab": "LABEL=elsewhere /home ext4 defaults 0 2\n",
  });
  await chmod(join(root, "srv/big"), 0o4751);
  await mkdir(join(root, "srv/empty"));
  await symlink("a b", join(root, "srv/link"));
  await symlink("/srv/big", join(root, "srv/absolute"));
  await ext4(join(rig.dir, "disk.img"), root);
  // Where a journal would have to be replayed, nothing may be written all the same.
  const dirty = ["-w", "-R", "feature needs_recovery", join(rig.dir, "disk.img")];
  await execa("debugfs", dirty, { env });
  before = await readFile(join(rig.dir, "disk.img"));
});

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
});

const files = (...argv: readonly string[]) => rig.run(["files", ...argv]);

describe("an image that is read", () => {
  test("is listed", async () => {
    const listed = await files("ls", "disk.img", "/srv");
    expect(listed.exitCode, listed.stderr).toBe(0);
    expect(listed.stderr).toBe(
      "note: disk.img: /home is on LABEL=elsewhere, which is not on this disk: what is there is left out",
    );
    expect(listed.stdout.split("\n")).toEqual([
      "a b",
      "absolute",
      "big",
      "empty",
      "link",
      "new\u2424line".replace("\u2424", "\ufffd"),
    ]);
    const long = await files("ls", "-l", "disk.img", "/srv");
    expect(long.stdout).toMatch(
      /^-rwsr-x--x {2}\d+ +\d+ +300000 +\d{4}-\d\d-\d\d [\d:]{8} {2}big$/m,
    );
    expect(long.stdout).toMatch(/^lrwxrwxrwx .* absolute -> \/srv\/big$/m);
    const all = JSON.parse((await files("ls", "-R", "--json", "disk.img")).stdout) as {
      path: string;
    }[];
    const paths = all.map(({ path }) => path);
    expect(paths).toContain("/srv/a b/c'd");
    expect(paths).toContain("/srv/new\nline");
    expect(paths.filter((path) => /^\/(dev|proc)\/./.test(path))).toEqual([]);
  });

  test("gives contents, through symlinks", async () => {
    expect((await files("cat", "disk.img", "/srv/link/c'd")).stdout).toBe("odd");
    expect((await files("cat", "disk.img", "/srv/absolute")).stdout).toHaveLength(300_000);
    const got = await files("get", "disk.img", "/srv/a b", "out");
    expect(got.exitCode, got.stderr).toBe(0);
    expect(await readFile(join(rig.dir, "out/a b/c'd"), "utf8")).toBe("odd");
    const tar = await files("tar", "disk.img", "/srv", "-o", "srv.tar");
    expect(tar.exitCode, tar.stderr).toBe(0);
    const { stdout } = await execa("tar", ["-tvf", join(rig.dir, "srv.tar")]);
    expect(stdout).toMatch(/^-rwsr-x--x .* 300000 .* srv\/big$/m);
    expect(stdout).toMatch(/srv\/link -> a b$/m);
  });

  test("may have neither /dev nor /proc, and an os-release without a last line's end", async () => {
    const root = await putSystem(rig.dir, "bare", { "usr/lib/os-release": 'PRETTY_NAME="Bare 1"' });
    for (const dir of ["dev", "proc"]) await rm(join(root, dir), { recursive: true, force: true });
    await ext4(join(rig.dir, "bare.img"), root);
    const inspected = await rig.run(["inspect", "bare.img"]);
    expect(inspected.exitCode, inspected.stderr).toBe(0);
    expect(inspected.stdout).toContain("Bare 1, on the whole disk");
  });

  test.each<[argv: string[], exitCode: number, message: string]>([
    [["ls", "disk.img", "/none"], 3, "disk.img could not be read\n  there is nothing at /none"],
    [["cat", "disk.img", "/srv"], 2, "/srv: it is not a regular file"],
    [["cat", "disk.img", "/proc/version"], 3, "what is in /dev and /proc comes with a boot"],
  ])("%j is told", async (argv, exitCode, message) => {
    const ran = await files(...argv);
    expect(ran).toMatchObject({ exitCode, stdout: "" });
    expect(ran.stderr).toContain(message);
  });

  test("is as it was, and nothing is left", async () => {
    expect((await readFile(join(rig.dir, "disk.img"))).equals(before)).toBe(true);
    expect(await rig.entries("result-tmp")).toEqual([]);
    expect(await rig.machines()).toEqual([]);
  });
});

test("two images are compared file by file, and by content where nothing else tells", async () => {
  const customized = await rig.run(
    ["customize", "-a", "disk.img", "-o", "other.raw", "--delete", "/srv/empty"].concat(
      ["--write", "/srv/a b/c'd:ODD", "--chmod", "0600:/srv/big", "--append-line", "/etc/new:line"],
      ["--link", "/srv:/srv/absolute"],
    ),
  );
  expect(customized.exitCode, customized.stderr).toBe(0);
  const diff = await rig.run(["diff", "disk.img", "other.raw", "--exit-code"]);
  expect(diff.stdout.split("\n"), diff.stderr).toEqual([
    "A /etc/new  -rw-r--r-- 0:0 5",
    "M /srv/a b/c'd  content",
    "M /srv/absolute  leads to /srv/big -> /srv",
    "M /srv/big  mode 4751 -> 0600",
    "D /srv/empty",
  ]);
  expect(diff.exitCode).toBe(1);
  const within = await rig.run(["diff", "disk.img", "other.raw", "--content"]);
  expect(within.stdout, within.stderr).toContain(
    "M /srv/a b/c'd  content\n--- a/srv/a b/c'd\n+++ b/srv/a b/c'd\n@@ -1,1 +1,1 @@\n-odd\n",
  );
  const same = await rig.run(["diff", "disk.img", "disk.img", "--exit-code", "--json"]);
  expect(same).toMatchObject({ exitCode: 0, stdout: "[]" });
});

test("a layer and a base image are read as an image is", async () => {
  const id = await rig.built('(run (shell "echo made >/srv/made"))');
  const made = await files("cat", id, "/srv/made");
  expect(made, made.stderr).toMatchObject({ exitCode: 0, stdout: "made" });
  const diff = await rig.run(["diff", "busybox", id]);
  expect(diff.stdout, diff.stderr).toMatch(/^A \/srv\/made {2}-rw-r--r-- 0:0 5$/m);
  const shown = await rig.run(["show", id, "--files"]);
  expect(shown.stdout, shown.stderr).toMatch(/^A \/srv\/made {2}-rw-r--r-- 0:0 5$/m);
  expect((await files("ls", "busybox", "/etc")).stdout).toContain("passwd");
  expect((await stat(join(rig.store, "result", id))).isDirectory()).toBe(true);
  await writeFile(join(rig.dir, "no-disk"), "text");
  expect((await files("ls", "./no-disk")).exitCode).toBe(3);
});
