import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
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
  ["no user-data", ["-o", "a.iso"], 2, "required option '--user-data <file>' not specified"],
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
