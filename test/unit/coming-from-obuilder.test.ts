/**
 * What vmbuild says where people who come from OBuilder know other words. What it does differently is told in
 * docs/obuilder.md, which names this file and the others.
 */
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { vmbuild } from "../support/run-vmbuild.ts";

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-obuilder-"));
  await mkdir(join(dir, "store", "base-image"), { recursive: true });
  await writeFile(join(dir, "store/base-image/tiny.img"), "tiny");
  await truncate(join(dir, "store/base-image/tiny.img"), 1024 ** 2);
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

describe("a mistake in a spec is told by line and column, before anything is built:", () => {
  test.each<[what: string, text: string, message: string]>([
    ["a wrong base", "((from tin))", "1:2: error: there is no base image tin"],
    [
      "a missing parenthesis",
      `((from tiny) (run (shell "x"))`,
      "1:1: error: this `(` is not closed",
    ],
    ["a wrong directive", "((from tiny) (rum (shell x)))", "1:15: error: unknown directive `rum`"],
    ["a wrong field", "((from tiny) (run (shel x)))", "1:20: error: unknown field `shel` in `run`"],
    [
      "a missing source",
      "((from tiny) (run (shell x)) (copy (src nosuch) (dst /x)))",
      "1:41: error: there is no nosuch in the build context",
    ],
  ])("%s", async (_, text, message) => {
    await writeFile(join(dir, "test.spec"), text);
    const ran = await vmbuild(["build", "--store=qemu:store", "-f", "test.spec", "."], {
      cwd: dir,
    });
    expect(ran).toMatchObject({ exitCode: 3, stdout: "" });
    expect(ran.stderr).toContain(`test.spec:${message}`);
    expect(existsSync(join(dir, "store/result"))).toBe(true);
  });
});

test("OBuilder's flags are understood, and a store need not be named", async () => {
  await writeFile(join(dir, "test.spec"), "((from tiny))");
  const flags = ["--qemu-memory", "512M", "--qemu-cpus", "2", "--qemu-boot-time", "60", "-v"];
  const ran = await vmbuild(["build", "--store=qemu:store", ...flags, "-f", "test.spec", "."], {
    cwd: dir,
  });
  expect(ran.exitCode, ran.stderr).toBe(0);
  const unnamed = await vmbuild(["ls"], { cwd: dir });
  expect(unnamed.exitCode, unnamed.stderr).toBe(0);
});

test("the page about it names tests that are there", async () => {
  const page = await readFile("docs/obuilder.md", "utf8");
  const named = [...page.matchAll(/`((?:src|test)\/[\w./-]+\.test\.ts)`/g)].map(
    ([, path]) => path ?? "",
  );
  expect(named.length).toBeGreaterThan(18);
  expect(named.filter((path) => !existsSync(path))).toEqual([]);
});
