import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { breakOff, giveFile, inTurn, serve } from "../support/file-server.ts";
import { type Ran, vmbuild, vmbuildPath } from "../support/run-vmbuild.ts";

const MiB = 1024 ** 2;
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-generate-"));
  await writeFile(join(dir, "disk.raw"), Buffer.alloc(MiB, "content"));
  await qemuImg("convert", "-f", "raw", "-O", "qcow2", "disk.raw", "disk.qcow2");
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function qemuImg(...argv: readonly string[]): Promise<string> {
  return (await execa("qemu-img", argv, { cwd: dir })).stdout;
}

function generate(...argv: readonly string[]): Promise<Ran> {
  return vmbuild(["generate", ...argv], { cwd: dir, env: { VMBUILD_STORE: "store" } });
}

/** Writes `architecture.yml` with these images, each a flow map. */
async function architecture(images: Readonly<Record<string, string>>): Promise<void> {
  const lines = Object.entries(images).map(([key, image]) => `  ${key}: ${image}\n`);
  await writeFile(join(dir, "architecture.yml"), `owner: me\nimages:\n${lines.join("")}`);
}

async function info(path: string): Promise<{ format: string; "virtual-size": number }> {
  return JSON.parse(await qemuImg("info", "--output=json", path)) as never;
}

/** The beginning of what a guest would see. */
async function guestBytes(path: string, format: string): Promise<Buffer> {
  await qemuImg("convert", "-f", format, "-O", "raw", path, "look.raw");
  const bytes = await readFile(join(dir, "look.raw"));
  await rm(join(dir, "look.raw"));
  return bytes;
}

async function sha256(path: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(join(dir, path)))
    .digest("hex");
}

describe("one image", () => {
  test("of a file is grown, of the current version, and where the seed's tools look", async () => {
    const value = await sha256("disk.qcow2");
    await architecture({
      one: `{name: rocky, version: 9.4, size: 4M, get_url: disk.qcow2, checksum: {type: sha256, value: ${value}}}`,
    });
    const ran = await generate("--generated-image-owner", String(process.getuid?.() ?? 0));
    expect(ran).toMatchObject({ exitCode: 0, stdout: "generated-images/image.qcow2" });
    expect(ran.stderr).toMatch(/^made generated-images\/image\.qcow2 \(rocky 9\.4, 4 MiB\) in /);
    const path = "generated-images/image.qcow2";
    expect(await info(path)).toMatchObject({
      format: "qcow2",
      "virtual-size": 4 * MiB,
      "format-specific": { data: { compat: "1.1" } },
    });
    expect(await info(path)).not.toHaveProperty("backing-filename");
    const bytes = await guestBytes(path, "qcow2");
    expect(bytes.equals(Buffer.alloc(4 * MiB).fill("content", 0, MiB))).toBe(true);
    expect(await readdir(join(dir, "generated-images"))).toEqual(["image.qcow2"]);
  });

  test.each(["raw", "vmdk", "vhdx", "vdi"])("can be %s", async (format) => {
    await architecture({
      one: `{name: a, size: 4M, format: ${format}, input: {path: disk.qcow2}}`,
    });
    const ran = await generate();
    expect(ran, ran.stderr).toMatchObject({ stdout: `generated-images/image.${format}` });
    expect((await info(ran.stdout))["virtual-size"]).toBe(4 * MiB);
    const bytes = await guestBytes(ran.stdout, format);
    expect(bytes.subarray(0, MiB).equals(Buffer.alloc(MiB, "content"))).toBe(true);
  });

  test("can be of a raw disk, and an empty one", async () => {
    await architecture({
      one: "{name: a, size: 1M, input: {path: disk.raw, format: raw}}",
      empty: "{name: b, size: 3M}",
    });
    const ran = await generate();
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect((await guestBytes("generated-images/a.qcow2", "qcow2")).subarray(0, 7).toString()).toBe(
      "content",
    );
    expect((await info("generated-images/b.qcow2"))["virtual-size"]).toBe(3 * MiB);
  });

  test("is only replaced when that is wanted, and by no failure", async () => {
    await architecture({ one: "{name: a, size: 4M, input: disk.qcow2}" });
    await mkdir(join(dir, "out"));
    await writeFile(join(dir, "out", "x.qcow2"), "mine");
    const argv = ["--image-output-path", "out/x.qcow2"];
    const refused = await generate(...argv);
    expect(refused).toMatchObject({ exitCode: 3, stdout: "" });
    expect(refused.stderr).toContain("out/x.qcow2 is there already");
    expect(refused.stderr).toContain("--overwrite replaces it");
    await architecture({
      one: `{name: a, size: 4M, get_url: disk.qcow2, checksum: {type: md5, value: ${"0".repeat(32)}}}`,
    });
    const wrong = await generate(...argv, "--overwrite");
    expect(wrong).toMatchObject({ exitCode: 3, stdout: "" });
    expect(wrong.stderr).toContain(`expected ${"0".repeat(32)}`);
    expect(await readFile(join(dir, "out", "x.qcow2"), "utf8")).toBe("mine");
    await architecture({ one: "{name: a, size: 4M, input: disk.qcow2}" });
    expect((await generate(...argv, "--overwrite")).exitCode).toBe(0);
    expect(await readdir(join(dir, "out"))).toEqual(["x.qcow2"]);
    expect((await info("out/x.qcow2"))["virtual-size"]).toBe(4 * MiB);
  });

  test("shrinks only when that is wanted", async () => {
    await architecture({ one: "{name: a, size: 512K, input: disk.qcow2}" });
    const refused = await generate();
    expect(refused).toMatchObject({ exitCode: 3, stdout: "" });
    expect(refused.stderr).toContain("the disk disk.qcow2 has 1 MiB, and 512 KiB are asked for");
    expect(await readdir(dir)).not.toContain("generated-images");
    expect((await generate("--shrink")).exitCode).toBe(0);
    expect(await guestBytes("generated-images/image.qcow2", "qcow2")).toHaveLength(512 * 1024);
  });

  test("stays its maker's when there is no such user", async () => {
    await architecture({ one: "{name: a, size: 1M, input: disk.qcow2}" });
    const ran = await generate("--generated-image-owner", "nobody-of-that-name");
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).toContain("there is no user nobody-of-that-name");
  });

  test.runIf(process.getuid?.() === 0)("is given to a user by name or uid", async () => {
    await architecture({ one: "{name: a, size: 1M, input: disk.qcow2}" });
    for (const [owner, uid] of [
      ["daemon", 1],
      ["54321", 54321],
    ] as const) {
      const ran = await generate("--overwrite", "--generated-image-owner", owner);
      expect(ran.stderr).not.toContain("warning");
      expect((await stat(join(dir, "generated-images", "image.qcow2"))).uid).toBe(uid);
    }
  });
});

describe("several images", () => {
  const images = {
    one: "{name: a, version: 1, size: 1M, input: disk.qcow2}",
    two: "{name: a, version: 2, size: 2M, input: disk.qcow2, format: raw}",
    three: "{name: b, size: 1M}",
  };

  test("go into a directory, each by its name", async () => {
    await architecture(images);
    const ran = await generate();
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect((await readdir(join(dir, "generated-images"))).sort()).toEqual([
      "a-1.qcow2",
      "a-2.raw",
      "b.qcow2",
    ]);
    const some = await generate("--image-output-path", "some/", "--image", "two", "b");
    expect(some.exitCode, some.stderr).toBe(0);
    expect((await readdir(join(dir, "some"))).sort()).toEqual(["a-2.raw", "b.qcow2"]);
  });

  test("cannot become one file", async () => {
    await architecture(images);
    const ran = await generate("--image-output-path", "out/x.qcow2");
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toContain("this is one file, and there are 3 images");
    expect(ran.stderr).toContain("name a directory (out/), or choose one with --image NAME");
    const one = await generate("--image-output-path", "x.raw", "--image", "one");
    expect(one.exitCode).toBe(2);
    expect(one.stderr).toContain("the name says raw, and the architecture file qcow2");
  });

  test("are made as far as they can be", async () => {
    await architecture({ ...images, bad: "{name: c, size: 1M, input: none.qcow2}" });
    const ran = await generate();
    expect(ran.exitCode).toBe(3);
    expect(ran.stderr).toContain("1 of 4 images could not be made");
    expect(ran.stderr).toContain("bad: none.qcow2 cannot be used: there is no such file");
    expect(ran.stdout.split("\n")).toHaveLength(3);
  });

  test("cannot be one file for two", async () => {
    await architecture({ one: "{name: a, size: 1M}", two: "{name: a, size: 2M}" });
    const ran = await generate();
    expect(ran).toMatchObject({ exitCode: 3, stdout: "" });
    expect(ran.stderr).toContain(
      "the images one and two would both become generated-images/a.qcow2",
    );
  });
});

describe("a download", () => {
  test("is taken up where it broke, serves two images, and is not repeated", async () => {
    const content = await readFile(join(dir, "disk.qcow2"));
    await using server = await serve(inTurn(breakOff(content, 100_000), giveFile(content)));
    const sum = `checksum: {type: sha256, value: ${await sha256("disk.qcow2")}}`;
    const input = `input: {url: "${server.url}/x", ${sum}}`;
    await architecture({
      one: `{name: a, size: 1M, ${input}}`,
      two: `{name: b, size: 2M, ${input}}`,
    });
    const ran = await generate();
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(server.requests).toHaveLength(2);
    const again = await generate("--overwrite");
    expect(again.stderr).toContain(`${server.url}/x is in the store already`);
    expect(server.requests).toHaveLength(2);
    const df = JSON.parse(
      (await vmbuild(["df", "--json"], { cwd: dir, env: { VMBUILD_STORE: "store" } })).stdout,
    ) as { downloads: { count: number } };
    expect(df.downloads.count).toBe(1);
    const verify = await vmbuild(["verify"], { cwd: dir, env: { VMBUILD_STORE: "store" } });
    expect(verify.exitCode, verify.stdout).toBe(0);
    const clean = await vmbuild(["clean", "--all"], { cwd: dir, env: { VMBUILD_STORE: "store" } });
    expect(clean.stdout).toContain("1 download");
  });

  test("that hangs ends, and leaves nothing but what came", async () => {
    await using server = await serve(() => {});
    const sum = `checksum: {type: md5, value: ${"0".repeat(32)}}`;
    await architecture({ one: `{name: a, size: 1M, get_url: "${server.url}/x", ${sum}}` });
    const ran = await generate("--download-timeout", "200ms");
    expect(ran).toMatchObject({ exitCode: 4, stdout: "" });
    expect(ran.stderr).toContain("could not be downloaded: the server sent nothing for 0.2 s");
    expect(await readdir(dir)).not.toContain("generated-images");
  });

  test("ends with Ctrl-C, and leaves nothing", async () => {
    let asked = (): void => {};
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    await using server = await serve(() => asked());
    const sum = `checksum: {type: md5, value: ${"0".repeat(32)}}`;
    await architecture({ one: `{name: a, size: 1M, get_url: "${server.url}/x", ${sum}}` });
    const running = execa(process.execPath, [vmbuildPath, "generate"], {
      cwd: dir,
      env: { VMBUILD_STORE: "store" },
      reject: false,
    });
    await isAsked;
    running.kill("SIGINT");
    const ended = await running;
    expect(ended).toMatchObject({ exitCode: 130, stdout: "" });
    expect(ended.stderr).toContain("cancelled");
    expect(await readdir(dir)).not.toContain("generated-images");
    expect(await readdir(join(dir, "store", "state", "tmp"))).toEqual([]);
  });
});

test("an input that is no image is refused, and nothing is made", async () => {
  await writeFile(join(dir, "x"), "<!DOCTYPE html><html>");
  await architecture({ one: "{name: a, size: 1M, input: x}" });
  const ran = await generate();
  expect(ran).toMatchObject({ exitCode: 3, stdout: "" });
  expect(ran.stderr).toContain("x cannot be used: it is no disk image: it is a web page");
  expect(await readdir(dir)).not.toContain("generated-images");
});

describe("the architecture file", () => {
  test("is looked into before anything is done", async () => {
    await architecture({ one: "{name: a, sise: 1M}" });
    const ran = await generate();
    expect(ran).toMatchObject({ exitCode: 3, stdout: "" });
    expect(ran.stderr).toContain("architecture.yml:3:18: error: images.one has no key sise\n");
    expect(ran.stderr).toContain("hint: did you mean `size`?");
    expect(ran.stderr).toContain("architecture.yml has 2 errors");
  });

  test.each([
    [["--architecture-path", "none.yml"], 3, "there is no file none.yml"],
    [["--image", "on"], 2, "did you mean `one`?"],
    [["--jobs", "0"], 2, '"0" is not a whole number'],
    [["--image-output-path", "architecture.yml/x.qcow2"], 2, "is a regular file, not a directory"],
    [["--image-output-path", "store/x.qcow2"], 2, "it is inside the store, which is vmbuild's own"],
  ])("%j", async (argv, exitCode, message) => {
    await architecture({ one: "{name: a, size: 1M}" });
    const ran = await generate(...argv);
    expect(ran).toMatchObject({ exitCode, stdout: "" });
    expect(ran.stderr).toContain(message);
  });

  test("gives GoCD pipelines", async () => {
    await architecture({ one: "{name: a, size: 1M}", two: "{name: b, size: 1M}" });
    const argv = ["--generate-gocd-config", "--no-images", "--gocd-build-branch", "next"];
    const without = await generate(...argv);
    expect(without.exitCode).toBe(2);
    expect(without.stderr).toContain("--gocd-git-url");
    const made = await generate(...argv, "--gocd-git-url", "git@host:images.git");
    expect(made).toMatchObject({ exitCode: 0, stderr: "wrote 1.gocd.yml" });
    const text = await readFile(join(dir, "1.gocd.yml"), "utf8");
    expect(text).toContain("format_version: 10");
    expect(text).toContain("branch: next");
    expect(await readdir(dir)).not.toContain("generated-images");
    const other = await generate(...argv, "--gocd-git-url", "git@host:other.git");
    expect(other.exitCode).toBe(3);
    expect(other.stderr).toContain("--overwrite replaces it");
    expect(await readFile(join(dir, "1.gocd.yml"), "utf8")).toBe(text);
  });
});
