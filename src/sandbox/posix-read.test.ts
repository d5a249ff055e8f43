import { execa } from "execa";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { localSession } from "../../test/support/local-session.ts";
import { defaultProfile } from "../profile/default-profile.ts";
import { PosixGuest } from "./posix-guest.ts";
import { archiveScript, archiveToDiskScript, lookScript } from "./posix-read.ts";

const { signal } = new AbortController();
const guest = new PosixGuest(localSession, defaultProfile("linux", "x86_64"), { flush: false });
let dir: string;
let archivePath: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-read-"));
  archivePath = join(dir, "archive.tar");
  await mkdir(join(dir, "it's", "sub dir"), { recursive: true });
  await writeFile(join(dir, "it's", "sub dir", "-file"), "content");
  await symlink("nowhere", join(dir, "dangling"));
  await symlink("it's", join(dir, "through"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe("reading files", () => {
  test("archives each path once, by its own name", async () => {
    const paths = [
      `${dir}/it's`,
      `${dir}/it's/sub dir`,
      `${dir}/dangling`,
      `${dir}/through/sub dir`,
    ];
    expect(await guest.read({ paths, archivePath }, signal)).toEqual({
      ok: true,
      value: undefined,
    });
    const { stdout } = await execa("tar", ["-tf", archivePath, "--quoting-style=literal"]);
    const top = `.${dir}`;
    expect(stdout.split("\n").sort()).toEqual(
      [
        `${top}/dangling`,
        `${top}/it's/`,
        `${top}/it's/sub dir/`,
        `${top}/it's/sub dir/-file`,
        `${top}/through/sub dir/`,
        `${top}/through/sub dir/-file`,
      ].sort(),
    );
  });

  test("names the first path that is not there, before anything is read", async () => {
    const paths = [`${dir}/it's`, `${dir}/none`, `${dir}/it's/sub dir/-file/below`];
    expect(await guest.read({ paths, archivePath }, signal)).toEqual({
      ok: false,
      error: { reason: "path-missing", path: `${dir}/none` },
    });
  });
});

test("what is to be read is looked up in one line, and its size in another", async () => {
  const script = lookScript([dir, `${dir}/none`, `${dir}/dangling`]);
  const { stdout } = await execa("/bin/sh", { input: script });
  expect(stdout).toMatch(/^101\n\d+\ttotal$/);
});

test("scripts are good shell, whatever the paths are called", async () => {
  const paths = ["/a b", "/it's/$(x)", "/-n", "/*"];
  for (const script of [archiveScript(paths), archiveToDiskScript(paths, 3)]) {
    await execa("/bin/sh", ["-n"], { input: script });
  }
  expect(archiveScript(["/a", "/a/b", "/ab", "/a"])).toContain("-C / ./a ./ab");
  expect(archiveScript(["/", "/a"])).toMatch(/-C \/ \.\/$/);
});
