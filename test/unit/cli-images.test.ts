import { mkdir, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Ran, vmbuild } from "../support/run-vmbuild.ts";

const digest = "0123456789abcdef".repeat(4);
let dir: string;
let config: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-images-"));
  config = join(dir, "vmbuild.toml");
  await mkdir(join(dir, "store", "base-image"), { recursive: true });
  for (const name of ["debian-12", "tiny"]) {
    const disk = join(dir, "store", "base-image", `${name}.img`);
    await writeFile(disk, name);
    await truncate(disk, 1024 ** 2);
  }
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function run(command: string, from: string, toml?: string): Promise<Ran> {
  await writeFile(join(dir, "test.spec"), `((from ${from}))`);
  if (toml !== undefined) await writeFile(config, toml);
  return vmbuild([command, "-f", "test.spec"], { cwd: dir, env: { VMBUILD_STORE: "store" } });
}

describe("[images]", () => {
  test("gives a Docker image's name the ids of a base image, in plan and build", async () => {
    const plain = await run("build", "debian-12");
    expect(plain.exitCode, plain.stderr).toBe(0);
    const toml = `[images]\n"ocaml/opam:debian-12" = "debian-12"\n"a@sha256:${digest}" = "debian-12"\n`;
    for (const from of ["ocaml/opam:debian-12", `a@sha256:${digest.toUpperCase()}`]) {
      const built = await run("build", from, toml);
      expect(built.stdout).toBe(plain.stdout);
      expect(built.stderr).toContain("cached");
      expect((await run("plan", from)).stdout).toContain(plain.stdout.slice(0, 12));
    }
  });

  test("may name a tag", async () => {
    const built = await run("build", "tiny");
    const env = { VMBUILD_STORE: "store" };
    await vmbuild(["tag", built.stdout.trim(), "mine"], { cwd: dir, env });
    expect((await run("build", "ours:1", '[images]\n"ours:1" = "mine"\n')).stdout).toBe(
      built.stdout,
    );
  });

  test("takes the user's file where there is none in the folder", async () => {
    const home = join(dir, ".config", "vmbuild");
    await mkdir(home, { recursive: true });
    await writeFile(join(home, "vmbuild.toml"), '[images]\n"debian:12" = "debian-12"\n');
    expect((await run("plan", "debian:12")).exitCode).toBe(0);
    const unknown = await run("plan", "ocaml/opam:debian-12");
    expect(unknown.stderr).toContain(
      `"ocaml/opam:debian-12" = "debian-12" below [images] in ${join(home, "vmbuild.toml")}`,
    );
  });
});

describe("a name that stands for nothing", () => {
  test("is told with the line to write", async () => {
    const without = await run("plan", "ocaml/opam:debian-12");
    expect(without).toMatchObject({ exitCode: 3, stdout: "" });
    expect(without.stderr).toContain("there is no base image ocaml/opam:debian-12");
    expect(without.stderr).toContain(
      `hint: write "ocaml/opam:debian-12" = "debian-12" below a line [images] at the end of ${config}; or add a disk`,
    );
    const withTable = await run("build", `debian@sha256:${digest}`, "[images]\nx = 'tiny'\n");
    expect(withTable.stderr).toContain(
      `hint: write "debian@sha256:${digest}" = "debian-12" below [images] in ${config}`,
    );
  });

  test("and with how to make what it most likely means", async () => {
    expect((await run("plan", "debian:13")).stderr).toContain(
      'hint: make a base image with `vmbuild base build debian-13`, and write "debian:13" = "debian-13" below',
    );
  });

  test("but a slip of the pen, and a recipe's name, are told as such", async () => {
    expect((await run("plan", "debain-12")).stderr).toContain("hint: did you mean debian-12?");
    expect((await run("plan", "busybox")).stderr).toContain(
      "hint: make it with `vmbuild base build busybox`",
    );
  });
});

describe("a digest", () => {
  test("of a Docker image's needs a line of its own", async () => {
    const ran = await run("plan", `debian:12@sha256:${digest}`, "[images]\n'debian:12' = 'tiny'\n");
    expect(ran).toMatchObject({ exitCode: 3, stdout: "" });
    expect(ran.stderr).toContain(
      "debian:12 stands for tiny, whose content is not the one the spec asks for",
    );
    expect(ran.stderr).toContain(
      `write "debian:12@sha256:${digest}" = "tiny" below [images] in ${config}`,
    );
  });

  test("that vmbuild.toml pins is told as the file's", async () => {
    const toml = `[images]\n'debian:12' = 'tiny@sha256:${digest}'\n`;
    const ran = await run("plan", "debian:12", toml);
    expect(ran.exitCode, ran.stderr).toBe(3);
    expect(ran.stderr).toContain(`tiny is not the one that ${config} asks for`);
    expect(ran.stderr).toContain(`change the pin in ${config}`);
  });
});

describe("wrong input", () => {
  test("an entry for what is not there is named", async () => {
    const ran = await run("plan", "debian:12", "[images]\n'debian:12' = 'debian-9'\n");
    expect(ran.exitCode, ran.stderr).toBe(3);
    expect(ran.stderr).toContain("there is no base image debian-9");
    expect(ran.stderr).toContain(`${config} says "debian:12" = "debian-9" below [images]`);
  });

  test.each([
    ["images = 'debian-12'", "images must be a table", 'write "debian:12" = "debian-12"'],
    ["images = [1]", "images must be a table", ""],
    ["[[images]]\na = 'b'", "images must be a table", ""],
    ["[images]\na = 1", 'images."a" must be a string', ""],
    ["[images]\ndebian.12 = 'debian-12'", 'images."debian" must be a string', "in quotes"],
    ["[images]\n'a:1' = ''", 'images."a:1": "" is not a name', ""],
    ["[images]\n'a@sha256:1' = 'b'", '"a@sha256:1" is not a name', "64 hex digits"],
    ["[images]\na = 'b'\nb = 'tiny'", 'images."a": "b" is a key of', 'write "a" = "tiny"'],
    ["[images]\na = 'b'\nb = 'a'", 'images."a": "b" leads back to itself', "that is no key"],
    ["[image]\na = 'b'", "unknown key image", "did you mean images?"],
    ["memroy = '1G'", "unknown key memroy", "did you mean memory?"],
    ["pickle = 1", "unknown key pickle", "known keys are store, "],
  ])("vmbuild.toml with %s is refused with its place", async (toml, message, hint) => {
    const ran = await run("plan", "tiny", toml);
    expect(ran).toMatchObject({ exitCode: 3, stdout: "" });
    expect(ran.stderr).toContain(config);
    expect(ran.stderr).toContain(message);
    expect(ran.stderr).toContain(hint);
  });
});
