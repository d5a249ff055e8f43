import { mkdir, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Ran, vmbuild } from "../support/run-vmbuild.ts";

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-names-"));
  await mkdir(join(dir, "store", "base-image"), { recursive: true });
  const disk = join(dir, "store", "base-image", "tiny.img");
  await writeFile(disk, "tiny");
  await truncate(disk, 1024 ** 2);
  await writeFile(join(dir, "test.spec"), "((from tiny))");
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

function run(argv: readonly string[]): Promise<Ran> {
  return vmbuild(argv, { cwd: dir, env: { VMBUILD_STORE: "store" } });
}

describe("names", () => {
  test("a long tag leaves room for the step", async () => {
    const name = "n".repeat(80);
    await run(["build", "-f", "test.spec", "-t", name]);
    const listed = await run(["ls"]);
    expect(listed.stdout).toContain("(from tiny)");
    expect(listed.stdout).toContain("nnn…");
    expect((await run(["show", name])).stdout).toContain(name);
  });

  test.each([["8"], ["0ab"]])("%s is too short for an id", async (id) => {
    const ran = await run(["show", id]);
    expect(ran.exitCode, ran.stderr).toBe(3);
    expect(ran.stderr).toContain(`there is no tag ${id}, and it is too short for an id`);
    expect(ran.stderr).toContain("at least 4 digits");
  });

  test("a name belongs to a base image or to a tag", async () => {
    await run(["build", "-f", "test.spec", "-t", "busybox"]);
    const disk = join("store", "base-image", "tiny.img");
    for (const argv of [
      ["add", "busybox", "--from", disk],
      ["add", "busybox", "--from", disk, "--force"],
      ["build", "busybox"],
    ]) {
      const ran = await run(["base", ...argv]);
      expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
      expect(ran.stderr).toContain("there is a tag busybox already");
    }
    expect((await run(["tag", "busybox", "tiny"])).exitCode).toBe(2);
  });

  test("what is not there cannot be removed", async () => {
    const untagged = await run(["untag", "nope"]);
    expect(untagged).toMatchObject({ exitCode: 3, stdout: "" });
    expect(untagged.stderr).toContain("there is no tag nope");
    const cache = join(dir, "store", "cache", "c-npm");
    await mkdir(join(cache, "000000000001"), { recursive: true });
    await writeFile(join(cache, "000000000001", "content.tar"), "content");
    const removed = await run(["cache", "rm", "x", "npm", "y"]);
    expect(removed.exitCode, removed.stderr).toBe(3);
    expect(removed.stderr).toContain("there is no cache x, and none called y");
    expect((await run(["cache", "ls"])).stdout).not.toContain("npm");
  });
});
