import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Ran, vmbuild } from "../support/run-vmbuild.ts";

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-cli-customize-"));
  await writeFile(join(dir, "a.img"), "x".repeat(512));
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

const run = (...argv: string[]): Promise<Ran> =>
  vmbuild(["customize", ...argv], {
    cwd: dir,
    env: { VMBUILD_STORE: join(dir, "store"), HOME: dir },
  });

describe("customize", () => {
  test.each<[argv: string[], exitCode: number, message: string]>([
    [[], 2, "name the image to customize"],
    [["-a", "a.img"], 2, "there is nothing to do"],
    [["-a", "a.img", "--chmod", "x:/a"], 2, "--chmod x:/a: it is not PERMISSIONS:FILE"],
    [["-a", "a.img", "--scrub", "/a"], 2, "--scrub is not taken"],
    [["-a", "a.img", "--domain", "x"], 2, "name the image with --add"],
    [["-a", "a.img", "--chmud", "0:/a"], 2, "unknown option '--chmud'"],
    [["-a", "a.img", "--install", "x"], 2, "--install x needs the network\n  hint: add --network"],
    [["-a", "a.img", "--update", "--no-network"], 2, "--update needs the network"],
    [["-a", "a.img", "--mkdir", "/a", "--compress", "zstd"], 2, "--compress belongs to --output"],
    [["-a", "a.img", "--mkdir", "/a", "-o", "a.img"], 2, "a.img would take the place of a.img"],
    [["-a", "a.img", "--mkdir", "/a", "--format", "qcow2"], 3, "--format qcow2: a.img is raw"],
    [["-a", "a.img", "--copy-in", "no:/a"], 3, "--copy-in no:/a: no cannot be used: there is no"],
    [["-a", "a.img", "--upload", "store:/a"], 3, "store cannot be used: it is a directory"],
    [["-a", "a.img", "--ssh-inject", "root"], 3, "there is no public key"],
    [["-a", "a.img", "--root-password", "file:no"], 3, "there is no file no"],
    [["-a", "a.img", "--commands-from-file", "no"], 3, "there is no file no"],
    [["-a", "none.img", "--mkdir", "/a"], 3, "none.img cannot be edited: there is no such file"],
    [["-a", "a.img", "--mkdir", "/a"], 3, "make it with `vmbuild base build busybox`"],
  ])("%j is refused with %i, and changes nothing", async (argv, exitCode, message) => {
    await vmbuild(["ls"], { cwd: dir, env: { VMBUILD_STORE: join(dir, "store") } });
    const ran = await run(...argv);
    expect(ran).toMatchObject({ exitCode, stdout: "" });
    expect(ran.stderr).toContain(message);
    expect((await readdir(dir)).sort()).toEqual(["a.img", "store"]);
    expect((await stat(join(dir, "a.img"))).size).toBe(512);
  });

  test.each<[lines: string, message: string]>([
    [
      "mkdir /a\nmkdri /b\n",
      "commands:2: there is no operation mkdri\n  hint: did you mean `mkdir`?",
    ],
    [
      "# x\n\nwrite /a:\\\n  x\nscrub /a\n",
      "commands:5: there is no operation scrub\n  hint: on a copy",
    ],
    ["mkdir\n", "commands:1: mkdir takes dir"],
    ["update now\n", "commands:1: update takes no argument"],
    ["chmod x:/a\n", "commands:1: chmod x:/a: it is not PERMISSIONS:FILE"],
  ])("of a file of commands, %j is refused with its line", async (lines, message) => {
    await writeFile(join(dir, "commands"), lines);
    const ran = await run("-a", "a.img", "--commands-from-file", "commands");
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toContain(message);
  });

  test("a password is not in what is told", async () => {
    const ran = await run("-a", "a.img", "--root-password", `password:${"x".repeat(600)}`);
    expect(ran.exitCode).toBe(3);
    expect(ran.stderr).toContain("--root-password password:***: it is longer than 511 bytes");
    expect(ran.stderr).not.toContain("xxx");
  });
});
