import {
  mkdir,
  mkdtemp,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Ran, vmbuild } from "../support/run-vmbuild.ts";

const spec = "((from tiny))";
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-output-"));
  await mkdir(join(dir, "store", "base-image"), { recursive: true });
  const disk = join(dir, "store", "base-image", "tiny.img");
  await writeFile(disk, "tiny");
  await truncate(disk, 1024 ** 2);
  await writeFile(join(dir, "test.spec"), spec);
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

function build(...argv: string[]): Promise<Ran> {
  return vmbuild(["build", "-f", "test.spec", ...argv], {
    cwd: dir,
    env: { VMBUILD_STORE: "store" },
  });
}

describe("--output", () => {
  test.each([
    [["-o", "fifo.raw"], "it is a FIFO, not a regular file"],
    [["-o", "link.raw"], "it is a FIFO, not a regular file"],
    [["-o", "store", "--output-format", "raw"], "it is a directory, not a regular file"],
    [["-o", "none/x.raw"], "there is no directory"],
    [["-o", "new/", "--output-format", "raw"], "this names a directory"],
    [["-o", "test.spec", "--output-format", "raw"], "it is the spec"],
    [["-o", "spec.raw"], "it is the spec"],
    [["-o", "store/base-image/tiny.img"], "it is inside the store"],
    [["-o", "x.qcow2", "--output-format", "raw"], "the name says qcow2, --output-format raw"],
    [["-o", `${"n".repeat(252)}.raw`], "the name is too long"],
  ])("%j is refused before anything is built", async (argv, message) => {
    await execa("mkfifo", [join(dir, "fifo.raw")]);
    await symlink("fifo.raw", join(dir, "link.raw"));
    await symlink("test.spec", join(dir, "spec.raw"));
    const ran = await build(...argv);
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toContain(message);
    expect(ran.stderr).not.toContain("from tiny");
    expect(await readFile(join(dir, "test.spec"), "utf8")).toBe(spec);
    expect((await stat(join(dir, "fifo.raw"))).isFIFO()).toBe(true);
  });

  test("writes to what a symlink points at", async () => {
    await mkdir(join(dir, "images"));
    await symlink("images/new.raw", join(dir, "link.raw"));
    expect((await build("-o", "link.raw")).exitCode).toBe(0);
    expect(await readlink(join(dir, "link.raw"))).toBe("images/new.raw");
    expect((await stat(join(dir, "images", "new.raw"))).size).toBe(1024 ** 2);
  });

  test("may have the longest name there is", async () => {
    const name = `${"n".repeat(251)}.raw`;
    expect(await build("-o", name)).toMatchObject({ exitCode: 0 });
    expect((await stat(join(dir, name))).size).toBe(1024 ** 2);
  });
});

test("a spec with the longest name there is can be formatted", async () => {
  const name = `${"n".repeat(250)}.spec`;
  await writeFile(join(dir, name), "((from   tiny))");
  const ran = await vmbuild(["fmt", "--write", name], { cwd: dir });
  expect(ran).toMatchObject({ exitCode: 0, stderr: `formatted ${name}` });
  expect(await readFile(join(dir, name), "utf8")).toBe("((from tiny))\n");
});
