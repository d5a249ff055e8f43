import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Ran, vmbuild, vmbuildPath } from "../support/run-vmbuild.ts";

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-dockerfile-"));
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

function run(argv: readonly string[], input?: string): Promise<Ran> {
  return vmbuild(argv, { cwd: dir, ...(input === undefined ? {} : { input }) });
}

const spec = '((from base) (run (cache (c (target /c))) (shell "a &&\n b")))';

describe("dockerfile", () => {
  test.each([
    [[], "FROM base\nRUN a && \\\n    b"],
    [["--buildkit"], "FROM base\nRUN --mount=type=cache,id=c,target=/c,uid=0 a && \\\n    b"],
    [["--escape", "windows"], "#escape=`\nFROM base\nRUN a && `\n    b"],
    [["--escape", "unix"], "FROM base\nRUN a && \\\n    b"],
  ])("with %j writes to standard output", async (flags, stdout) => {
    await writeFile(join(dir, "test.spec"), spec);
    const expected = { exitCode: 0, stdout, stderr: "" };
    expect(await run(["dockerfile", "-f", "test.spec", ...flags])).toEqual(expected);
    expect(await run(["dockerfile", "-f", "-", ...flags], spec)).toEqual(expected);
  });

  test("reads a pipe that has a name", async () => {
    await execa("mkfifo", [join(dir, "pipe")]);
    const writing = writeFile(join(dir, "pipe"), spec);
    const ran = await run(["dockerfile", "-f", "pipe"]);
    await writing;
    expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
    expect(ran.stdout).toContain("FROM base");
  });

  test("ends its last line", async () => {
    const { stdout } = await execa(process.execPath, [vmbuildPath, "dockerfile", "-f", "-"], {
      cwd: dir,
      input: spec,
      stripFinalNewline: false,
    });
    expect(stdout.endsWith("    b\n")).toBe(true);
  });

  test("says on standard error what it leaves out", async () => {
    const ran = await run(["dockerfile", "-f", "-"], "((from base)\n (reboot))");
    expect(ran).toMatchObject({ exitCode: 0, stdout: "FROM base" });
    expect(ran.stderr).toContain("<stdin>:2:2: warning: a Dockerfile has no `reboot`");
  });

  test("writes nothing when something cannot be written", async () => {
    const ran = await run(["dockerfile", "-f", "-"], '((from base) (env A "1\n2"))');
    expect(ran).toMatchObject({ exitCode: 3, stdout: "" });
    expect(ran.stderr).toContain("<stdin>:1:14: error: a variable with a line break");
  });

  test.each([
    ["a wrong spec", '((from base)\n (run (shel "x")))'],
    ["no spec", ""],
    ["an unclosed list", "((from base"],
    ["an unknown build", "((from base) (copy (from (build x)) (src a) (dst b)))"],
  ])("says of %s what check says", async (_, text) => {
    await writeFile(join(dir, "test.spec"), text);
    const checked = await run(["check", "test.spec"]);
    expect(checked.exitCode, checked.stderr).toBe(3);
    expect(await run(["dockerfile", "-f", "test.spec"])).toEqual(checked);
  });

  test.each([
    [[], "'-f, --file <spec>' not specified"],
    [["-f", "x", "--escape", "dos"], "Allowed choices are unix, windows"],
    [["-f", "x", "y"], "too many arguments"],
  ])("%j is a usage error", async (argv, message) => {
    const ran = await run(["dockerfile", ...argv]);
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toContain(message);
  });

  test("a file that is not there is named", async () => {
    const ran = await run(["dockerfile", "-f", "nosuch"]);
    expect(ran).toMatchObject({ exitCode: 3, stdout: "" });
    expect(ran.stderr).toContain("there is no file nosuch");
  });

  test("converts the examples", async () => {
    for (const name of ["hello.spec", "debian-apt.spec"]) {
      const text = await readFile(join("spec-examples", name), "utf8");
      const ran = await run(["dockerfile", "--buildkit", "-f", "-"], text);
      expect(ran.exitCode, ran.stderr).toBe(0);
      expect(ran.stdout).toMatch(/^FROM \S+\n/u);
    }
  });
});
