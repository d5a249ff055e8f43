import { mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Ran, vmbuild } from "../support/run-vmbuild.ts";

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-cli-"));
  await mkdir(join(dir, "store", "base-image"), { recursive: true });
  await putDisk("tiny.img");
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function putDisk(name: string): Promise<void> {
  const path = join(dir, "store", "base-image", name);
  await writeFile(path, name);
  await truncate(path, 1024 ** 2);
}

async function putSpec(text: string, name = "test.spec"): Promise<void> {
  await writeFile(join(dir, name), text);
}

function run(argv: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  return vmbuild(argv, { cwd: dir, env: { VMBUILD_STORE: "store", ...env } });
}

describe("the command line", () => {
  test("tells its version and its help", async () => {
    const manifest = JSON.parse(await readFile("package.json", "utf8")) as { version: string };
    expect(await run(["--version"])).toMatchObject({ exitCode: 0, stdout: manifest.version });
    const help = await run(["build", "--help"]);
    expect(help.exitCode, help.stderr).toBe(0);
    expect(help.stdout).toContain("--keep-failed");
  });

  test.each([
    [["biuld"], "Did you mean build?"],
    [["build"], "'-f, --file <spec>' not specified"],
    [["build", "-f", "x", "--memory", "lots"], '--memory: "lots" is not a size such as 512M or 2G'],
    [
      ["build", "-f", "x", "--memory", "1"],
      '"1" is not a machine\'s memory, which is at least 16M',
    ],
    [["build", "-f", "x", "--memory", "2048"], "did you mean 2048M?"],
    [["build", "-f", "x", "--qemu-memory", "0.001"], "which is at least 16M"],
    [["ls", "--store", ""], '--store: "" is not a directory or qemu:DIRECTORY'],
    [["ls", "--store", "qemu:"], '--store: "qemu:" is not a directory or qemu:DIRECTORY'],
    [["build", "-f", "x", "--cpus", "0"], '--cpus: "0" is not a whole number from 1 to 1024'],
    [["build", "-f", "x", "--accelerator", "xen"], '"xen" is not auto, kvm or tcg'],
    [["build", "-f", "x", "--store", "zfs:tank"], "vmbuild has no zfs store"],
    [["build", "-f", "x", "-o", "image"], "the name does not tell the format"],
    [["build", "-f", "x", "-o", "/:out"], "this is the whole disk"],
    [["build", "-f", "x", "-o", "/srv/../etc:out"], "a path in the guest cannot contain `..`"],
    [["build", "-f", "x", "-o", "/srv/www:store/x"], "it is inside the store"],
    [
      ["build", "-f", "x", "-o", "/srv/tiny.img:store/base-image/tiny.img"],
      "cannot be written: there is no directory",
    ],
    [["build", "-f", "x", "-o", "/usr/store:."], "the directory there is not empty"],
    [["build", "-f", "x", "-o", "/a/x:new", "-o", "/b/x:new"], "another --output writes there"],
    [["build", "-f", "x", "--jobs", "0"], '--jobs: "0" is not a whole number from 1 to 1024'],
    [["build", "-f", "x", "--boot-timeout", "soon"], '"soon" is not a time such as 90s or 2m'],
  ])("%j is a usage error that says what is wrong", async (argv, message) => {
    const ran = await run(argv);
    expect(ran.exitCode, ran.stderr).toBe(2);
    expect(ran.stderr).toContain(message);
    expect(ran.stdout).toBe("");
  });
});

describe("settings", () => {
  test("come from the flag, then the environment, then vmbuild.toml", async () => {
    await putSpec("((from tiny))");
    for (const name of ["flag", "file", "env"]) await mkdir(join(dir, name));
    await writeFile(join(dir, "vmbuild.toml"), 'store = "file"\n');
    const place = async (argv: string[], env: Record<string, string>): Promise<string> => {
      const ran = await vmbuild(["plan", "-f", "test.spec", ...argv], { cwd: dir, env });
      return /(\w+)\/base-image/.exec(ran.stderr)?.[1] ?? ran.stderr;
    };
    expect(await place(["--store", "qemu:flag"], { VMBUILD_STORE: "env" })).toBe("flag");
    expect(await place([], { VMBUILD_STORE: "env" })).toBe("env");
    expect(await place([], {})).toBe("file");
  });

  test("an empty variable is no setting, but one that names no directory is wrong", async () => {
    await putSpec("((from tiny))");
    await writeFile(join(dir, "vmbuild.toml"), 'store = "file"\n');
    const plan = (env: Record<string, string>) =>
      vmbuild(["plan", "-f", "test.spec"], { cwd: dir, env });
    expect((await plan({ VMBUILD_STORE: "" })).stderr).toContain("file/base-image");
    expect((await plan({ VMBUILD_STORE: "qemu:" })).exitCode).toBe(2);
    expect((await plan({ VMBUILD_MEMORY: "1" })).exitCode).toBe(2);
  });

  test.each([
    ["memroy = '1G'", "unknown key memroy"],
    ["memory = 'lots'", 'memory: "lots" is not a size'],
    ["memory = 2", 'memory: "2" is not a machine\'s memory, which is at least 16M'],
    ["store = ''", 'store: "" is not a directory or qemu:DIRECTORY'],
    ["store = 'zfs:x'", "vmbuild has no zfs store"],
    ["cpus = 0", 'cpus: "0" is not a whole number'],
    ["memory = [1]", "memory must be a string or a number"],
    ["memory = ", "vmbuild.toml"],
  ])("vmbuild.toml with %s is refused with its place", async (text, message) => {
    await putSpec("((from tiny))");
    await writeFile(join(dir, "vmbuild.toml"), text);
    const ran = await run(["plan", "-f", "test.spec"]);
    expect(ran.exitCode, ran.stderr).toBe(3);
    expect(ran.stderr).toContain(join(dir, "vmbuild.toml"));
    expect(ran.stderr).toContain(message);
  });
});

describe("check", () => {
  test("says everything that is wrong with a spec, with its place", async () => {
    await putSpec('((from tiny)\n (wrokdir /x)\n (run (shel "x"))\n (copy (src a) (dts /b)))\n');
    const ran = await run(["check", "test.spec"]);
    expect(ran.exitCode, ran.stderr).toBe(3);
    for (const line of [
      "test.spec:2:3: error:",
      "test.spec:3:",
      "test.spec:4:",
      "workdir",
      "shell",
      "dst",
    ]) {
      expect(ran.stderr).toContain(line);
    }
  });

  test("accepts a good one, also from standard input", async () => {
    const ran = await vmbuild(["check", "-"], { cwd: dir, input: "((from tiny))" });
    expect(ran).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  });

  test.each([
    ["NUL", Buffer.from('((from "a\0b"))')],
    ["invalid UTF-8", Buffer.from([0x28, 0x28, 0xff, 0x29, 0x29])],
    ["a million parentheses", Buffer.from("(".repeat(1_000_000))],
    ["an empty file", Buffer.from("")],
  ])("%s gives a diagnostic", async (_, input) => {
    const ran = await vmbuild(["check", "-"], { cwd: dir, input });
    expect(ran.exitCode, ran.stderr).toBe(3);
    expect(ran.stderr).toMatch(/^<stdin>:\d+:\d+: error: /);
    expect(ran.stderr).not.toContain("internal error");
  });

  test("--strict-obuilder refuses what is vmbuild's own", async () => {
    await putSpec("((from tiny) (reboot))");
    expect((await run(["check", "test.spec"])).exitCode).toBe(0);
    const strict = await run(["check", "--strict-obuilder", "test.spec"]);
    expect(strict.exitCode, strict.stderr).toBe(3);
    expect(strict.stderr).toContain("test.spec:1:14: error:");
  });

  test("a missing file and a directory are told apart", async () => {
    expect((await run(["check", "nosuch"])).stderr).toContain("there is no file nosuch");
    expect((await run(["check", "store"])).stderr).toContain("store is a directory");
  });
});

describe("fmt", () => {
  test("prints, checks and writes", async () => {
    const messy = "((from   tiny)\n\n ; why\n    (workdir    /x))";
    await putSpec(messy);
    const printed = await run(["fmt", "test.spec"]);
    expect(printed.stdout).toContain("; why");
    expect((await run(["fmt", "--check", "test.spec"])).exitCode).toBe(3);
    expect(await readFile(join(dir, "test.spec"), "utf8")).toBe(messy);
    expect((await run(["fmt", "--write", "test.spec"])).exitCode).toBe(0);
    expect(await readFile(join(dir, "test.spec"), "utf8")).toBe(`${printed.stdout}\n`);
    expect((await run(["fmt", "--check", "test.spec"])).exitCode).toBe(0);
  });
});

describe("plan", () => {
  test("shows steps with ids and what is cached, for people and as JSON", async () => {
    await putSpec("((from tiny) (run (shell ls)))");
    const built = await vmbuild(["build", "-f", "from.spec"], {
      cwd: dir,
      env: { VMBUILD_STORE: "store" },
    });
    expect(built.exitCode, built.stderr).toBe(3);
    await putSpec("((from tiny))", "from.spec");
    const from = await run(["build", "-f", "from.spec"]);
    expect(from.exitCode, from.stderr).toBe(0);
    const id = from.stdout.split("\n").at(-1) ?? "";
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    const json = JSON.parse((await run(["plan", "-f", "test.spec", "--json"])).stdout) as {
      steps: { id: string; cached: boolean; op: string }[];
    };
    expect(json.steps.map(({ op, cached }) => [op, cached])).toEqual([
      ["from", true],
      ["run", false],
    ]);
    expect(json.steps[0]?.id).toBe(id);
    const text = (await run(["plan", "-f", "test.spec"])).stdout;
    expect(text).toContain(`${id.slice(0, 12)}  cached  (from tiny)`);
  });

  test.each([
    ["none", "there is no build context"],
    ["test.spec", "is not a directory"],
  ])("refuses the context %s even when nothing is copied", async (context, message) => {
    await putSpec("((from tiny))");
    for (const command of ["plan", "build"]) {
      const ran = await run([command, "-f", "test.spec", context]);
      expect(ran).toMatchObject({ exitCode: 3, stdout: "" });
      expect(ran.stderr).toContain(message);
    }
  });

  test.each([
    ["((from tin))", "there is no base image tin"],
    [`((from tiny@sha256:${"0".repeat(64)}))`, "is not the one the spec asks for"],
    ["((from tiny) (copy (src nosuch) (dst /x)))", "there is no nosuch in the build context"],
    ["((from tiny) (copy (src link/x) (dst /x)))", "leads through the symlink link"],
    ["((from tiny) (copy (src ../x) (dst /x)))", "leaves the build context"],
    ["((from ../tiny))", "cannot name a base image"],
    ["((from tiny) (run (network nut) (shell x)))", "unknown network `nut`"],
    ["((build b ((from tiny) (run (network x) (shell x)))) (from tiny))", "unknown network `x`"],
  ])("%s is refused at its place in the spec", async (text, message) => {
    await symlink("/etc", join(dir, "link"));
    await putSpec(text);
    const ran = await run(["plan", "-f", "test.spec"]);
    expect(ran.exitCode, ran.stderr).toBe(3);
    expect(ran.stderr).toMatch(/^test\.spec:1:\d+: error: /);
    expect(ran.stderr).toContain(message);
    expect(ran.stderr).not.toContain("warning");
    expect((await run(["build", "-f", "test.spec"])).exitCode).toBe(3);
  });
});

describe("base images", () => {
  test("are added, listed, replaced only by force, and removed", async () => {
    await writeFile(join(dir, "disk.raw"), "content");
    await truncate(join(dir, "disk.raw"), 1024 ** 2);
    await writeFile(join(dir, "p.toml"), 'memory = "256M"\n[login]\nuser = "root"\n');
    const argv = ["base", "add", "mine", "--from", "disk.raw", "--profile", "p.toml"];
    const added = await run(argv);
    expect(added.exitCode, added.stderr).toBe(0);
    expect(added.stdout).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect((await run(["base", "ls"])).stdout).toContain("mine");
    const again = await run(argv);
    expect(again.exitCode, again.stderr).toBe(3);
    expect(again.stderr).toContain("there is a base image mine already");
    expect((await run([...argv, "--force"])).exitCode).toBe(0);
    await putSpec("((from mine))");
    expect((await run(["build", "-f", "test.spec"])).exitCode).toBe(0);
    expect((await run(["base", "rm", "mine"])).exitCode).toBe(0);
    expect((await run(["base", "ls"])).stdout).not.toContain("mine");
  });

  test("a layer stays good when its base image is removed", async () => {
    await putSpec("((from tiny))");
    const id = (await run(["build", "-f", "test.spec"])).stdout;
    await run(["base", "rm", "tiny"]);
    expect((await run(["show", id])).exitCode).toBe(0);
    expect((await run(["tag", id, "kept"])).exitCode).toBe(0);
    await putSpec("((from kept))");
    expect((await run(["build", "-f", "test.spec"])).stdout).toBe(id);
  });

  test("an overlay is refused with the way out", async () => {
    const { execa } = await import("execa");
    await execa(
      "qemu-img",
      ["create", "-q", "-f", "qcow2", "-b", "tiny.img", "-F", "raw", "over.qcow2"],
      {
        cwd: join(dir, "store", "base-image"),
      },
    );
    await putSpec("((from over))");
    const ran = await run(["build", "-f", "test.spec"]);
    expect(ran.exitCode, ran.stderr).toBe(3);
    expect(ran.stderr).toContain("it is an overlay on tiny.img");
    expect(ran.stderr).toContain("qemu-img convert");
  });

  test("a profile with mistakes is refused with all of them", async () => {
    await writeFile(join(dir, "store", "base-image", "tiny.toml"), 'memroy = "1G"\ncpus = "two"\n');
    await putSpec("((from tiny))");
    const ran = await run(["plan", "-f", "test.spec"]);
    expect(ran.exitCode, ran.stderr).toBe(3);
    expect(ran.stderr).toContain("memroy");
    expect(ran.stderr).toContain("cpus");
  });
});

test("a build that finds everything cached does not load SSH", async () => {
  await putSpec("((from tiny))");
  await run(["build", "-f", "test.spec"]);
  const reporter = join(dir, "reporter.mjs");
  await writeFile(
    reporter,
    `import { createRequire } from "node:module";
     process.on("exit", () => {
       const files = Object.keys(createRequire(import.meta.url).cache).filter((file) => file.includes("ssh2"));
       console.error(JSON.stringify(files));
     });`,
  );
  const { stderr } = await run(["build", "-f", "test.spec"], {
    NODE_OPTIONS: `--import=${reporter}`,
  });
  expect(stderr).toContain("cached");
  expect(stderr.split("\n").at(-1)).toBe("[]");
});

describe("layers", () => {
  test("are shown, tagged, exported and deleted", async () => {
    await putSpec("((from tiny))");
    const built = await run([
      "build",
      "-f",
      "test.spec",
      "-t",
      "first",
      "-o",
      "out.qcow2",
      "--disk-size",
      "2M",
    ]);
    expect(built.exitCode, built.stderr).toBe(0);
    const id = built.stdout;
    expect((await run(["ls", "-q"])).stdout).toBe(id);
    expect((await run(["ls"])).stdout).toContain("first");
    expect((await run(["show", "first"])).stdout).toContain(id);
    expect((await run(["log", id.slice(0, 6)])).exitCode).toBe(0);
    const refused = await run(["delete", id]);
    expect(refused.exitCode, refused.stderr).toBe(3);
    expect(refused.stderr).toContain("is in use");
    expect((await run(["untag", "first"])).exitCode).toBe(0);
    expect((await run(["delete", id.slice(0, 8)])).exitCode).toBe(0);
    expect((await run(["ls", "-q"])).stdout).toBe("");
    const { execa } = await import("execa");
    const info = await execa("qemu-img", ["info", "--output=json", "out.qcow2"], { cwd: dir });
    expect(JSON.parse(info.stdout)).toMatchObject({
      format: "qcow2",
      "virtual-size": 2 * 1024 ** 2,
    });
    expect(info.stdout).not.toContain("backing-filename");
  });

  test("a disk cannot be made smaller", async () => {
    await putSpec("((from tiny))");
    const ran = await run(["build", "-f", "test.spec", "--disk-size", "512K"]);
    expect(ran.exitCode, ran.stderr).toBe(3);
    expect(ran.stderr).toContain("a disk can only grow");
  });

  test("an unknown id is told", async () => {
    const ran = await run(["show", "nosuch"]);
    expect(ran).toMatchObject({ exitCode: 3, stdout: "" });
    expect(ran.stderr).toContain("nothing in the store is called nosuch");
  });
});
