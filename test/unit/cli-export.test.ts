import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Ran, vmbuild } from "../support/run-vmbuild.ts";

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-cli-export-"));
  await mkdir(join(dir, "store", "base-image"), { recursive: true });
  const disk = join(dir, "store", "base-image", "tiny.img");
  await writeFile(disk, "tiny");
  await truncate(disk, 1024 ** 2);
  await writeFile(join(dir, "test.spec"), "((from tiny))");
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

function run(...argv: string[]): Promise<Ran> {
  return vmbuild(argv, { cwd: dir, env: { VMBUILD_STORE: "store" } });
}

async function images(): Promise<readonly string[]> {
  return (await readdir(dir)).filter((name) => name !== "store" && name !== "test.spec").sort();
}

describe("export", () => {
  test("takes a layer by its id or tag, and a base image, in any format", async () => {
    const { stdout: id } = await run("build", "-f", "test.spec", "-t", "mine");
    expect((await run("export", id.slice(0, 12), "-o", "a.vmdk")).stderr).toContain("wrote ");
    expect((await run("export", "mine", "-o", "b", "--format", "vhdx")).exitCode).toBe(0);
    expect((await run("export", "tiny", "-o", "c.qcow2", "--compress", "zstd")).exitCode).toBe(0);
    expect(await images()).toEqual(["SHA256SUMS", "a.vmdk", "b", "c.qcow2"]);
    for (const [name, format] of [
      ["a.vmdk", "vmdk"],
      ["b", "vhdx"],
      ["c.qcow2", "qcow2"],
    ] as const) {
      await execa("qemu-img", ["convert", "-f", format, "-O", "raw", name, "raw"], { cwd: dir });
      const raw = await readFile(join(dir, "raw"));
      expect(raw.subarray(0, 5).toString()).toBe("tiny\0");
    }
    const { stdout } = await execa("sha256sum", ["-c", "SHA256SUMS"], { cwd: dir });
    expect(stdout).toBe("a.vmdk: OK\nb: OK\nc.qcow2: OK");
  });

  test("writes no sums when told so", async () => {
    expect((await run("export", "tiny", "-o", "a.vdi", "--no-sums")).exitCode).toBe(0);
    expect(await images()).toEqual(["a.vdi"]);
  });

  test.each<[readonly string[], number, string]>([
    [["nothing", "-o", "a.raw"], 3, "nothing in the store is called nothing"],
    [["tiny", "-o", "a"], 2, "say --format"],
    [["tiny", "-o", "a.raw", "--format", "vdi"], 2, "the name says raw, --format vdi"],
    [["tiny", "-o", "a.raw", "--compress", "zstd"], 2, "only qcow2 can be compressed, not raw"],
    [["tiny", "-o", "a.raw", "--threads", "17"], 2, "qemu-img takes at most 16"],
    [["tiny", "-o", "a.raw", "--enable", "logfiles"], 2, "choose what --seal does"],
    [["tiny", "-o", "a.raw", "--seal", "--disable", "logs"], 2, "there is no operation logs"],
    [["tiny", "-o", "store/a.raw"], 2, "it is inside the store"],
    [["tiny", "-o", "a.raw", "--seal"], 3, "make it with `vmbuild base build busybox`"],
  ])("%j is refused with %i, and nothing is left", async (argv, exitCode, message) => {
    const ran = await run("export", ...argv);
    expect(ran).toMatchObject({ exitCode, stdout: "" });
    expect(ran.stderr).toContain(message);
    expect(await images()).toEqual([]);
  });
});

test("build -o takes the same formats", async () => {
  expect((await run("build", "-f", "test.spec", "-o", "a.vdi")).exitCode).toBe(0);
  const argv = ["build", "-f", "test.spec", "-o", "b", "--output-format", "vmdk"];
  expect((await run(...argv)).exitCode).toBe(0);
  expect(await images()).toEqual(["a.vdi", "b"]);
  await execa("qemu-img", ["compare", "-f", "vdi", "-F", "vmdk", "a.vdi", "b"], { cwd: dir });
});

describe("seal", () => {
  test("lists its operations, with a mark at those that are done", async () => {
    const all = await run("seal", "--list");
    expect(all.stdout).toMatch(/^\* {2}machine-id +empty \/etc\/machine-id/m);
    expect(all.stdout).toMatch(/^ {3}ssh-userdir +remove every user's/m);
    const some = await run(
      "seal",
      "--list",
      "--enable",
      "ssh-userdir,tmp-files",
      "--disable",
      "tmp-files",
    );
    expect(some.stdout.match(/^\*.*/gm)).toEqual([expect.stringMatching(/^\* {2}ssh-userdir/)]);
  });

  test.each<[readonly string[], number, string]>([
    [[], 2, "name the image to seal"],
    [["--disable", "machineid", "a.img"], 2, "did you mean `machine-id`?"],
    [["a.img", "--compress", "zstd"], 2, "--compress belongs to --output"],
    [["a.img", "-o", "a.img"], 2, "a.img would take the place of a.img, which is read"],
    [["none.img"], 3, "none.img cannot be edited: there is no such file"],
    [["store/base-image/tiny.img"], 2, "`vmbuild export NAME --seal -o FILE`"],
    [["a.img"], 3, "make it with `vmbuild base build busybox`"],
    [["a.img", "-o", "b.qcow2"], 3, "make it with `vmbuild base build busybox`"],
  ])("%j is refused with %i, and changes nothing", async (argv, exitCode, message) => {
    await writeFile(join(dir, "a.img"), "x".repeat(512));
    const ran = await run("seal", ...argv);
    expect(ran).toMatchObject({ exitCode, stdout: "" });
    expect(ran.stderr).toContain(message);
    expect(await images()).toEqual(["a.img"]);
    expect((await stat(join(dir, "a.img"))).size).toBe(512);
  });
});
