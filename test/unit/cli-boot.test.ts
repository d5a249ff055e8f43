import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Ran, vmbuild } from "../support/run-vmbuild.ts";

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-cli-boot-"));
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function put(name: string, text: string): Promise<void> {
  await mkdir(dirname(join(dir, name)), { recursive: true });
  await writeFile(join(dir, name), text);
}

/** An empty disk. */
async function putDisk(name: string): Promise<void> {
  await put(name, "");
  await truncate(join(dir, name), 2 ** 20);
}

const run = (...argv: string[]): Promise<Ran> =>
  vmbuild(argv, { cwd: dir, env: { VMBUILD_STORE: join(dir, "store") } });

/** What is left of stages. */
const stages = () => readdir(join(dir, "store/result-tmp")).catch(() => []);

describe("boot", () => {
  test.each<[what: string, argv: string[], exitCode: number, message: string]>([
    ["what is not there", ["nothing"], 3, "there is no file, base image, layer or tag nothing"],
    ["a directory", ["./store"], 3, "./store is not a regular file"],
    ["an overlay", ["overlay.qcow2"], 3, "it is an overlay on disk.raw"],
    ["another format", ["disk.vmdk"], 3, "it is a VMDK image"],
    ["a forward that is none", ["disk.raw", "--forward", "80"], 2, '"80" is not HOST:GUEST'],
    ["an unknown architecture", ["disk.raw", "--arch", "mips"], 2, "is not x86_64 or aarch64"],
    [
      "a console log in no directory",
      ["disk.raw", "--console-log", "no/log"],
      2,
      "no/log cannot be written: there is no directory",
    ],
    [
      "a BIOS for Arm",
      ["disk.raw", "--arch", "arm64", "--firmware", "bios", "--accelerator", "tcg"],
      2,
      "machines of aarch64 have no BIOS",
    ],
    [
      "a firmware that is not there",
      ["disk.raw", "--firmware", "none.fd", "--accelerator", "tcg"],
      4,
      "none.fd cannot be used: ",
    ],
    [
      "a machine without firmware",
      ["disk.raw", "--machine", "microvm", "--firmware", "uefi"],
      4,
      "there is no UEFI firmware for x86_64 and the machine microvm",
    ],
    [
      "a seed to be fetched without a network",
      ["disk.raw", "--cloud-init", "smbios", "--no-network", "--user-data", "user"],
      2,
      "a guest without a network cannot fetch it",
    ],
    ["a way without a seed", ["disk.raw", "--cloud-init", "seed"], 2, "nothing for cloud-init"],
    [
      "a wrong user-data",
      ["disk.raw", "--user-data", "wrong"],
      3,
      "nothing is booted: cloud-init would not take wrong",
    ],
    [
      "a machine without SMBIOS",
      [
        "disk.raw",
        "--machine=microvm",
        "--cloud-init=smbios",
        "--user-data=user",
        "--accelerator=tcg",
      ],
      2,
      "this machine has no SMBIOS",
    ],
  ])("refuses %s and leaves nothing", async (_, argv, exitCode, message) => {
    await putDisk("disk.raw");
    await mkdir(join(dir, "store"));
    await put("disk.vmdk", "KDMV".padEnd(512, "\0"));
    await put("user", "#cloud-config\nhostname: one\n");
    await put("wrong", "#cloud-config\nhostnme: one\n");
    await execa(
      "qemu-img",
      ["create", "-q", "-f", "qcow2", "-b", "disk.raw", "-F", "raw", "overlay.qcow2"],
      { cwd: dir },
    );
    const ran = await run("boot", ...argv);
    expect(ran.stderr).toContain(message);
    expect(ran.exitCode).toBe(exitCode);
    expect(await stages()).toEqual([]);
  });

  test("does not let a base image be changed", async () => {
    await putDisk("store/base-image/mine.raw");
    const ran = await run("boot", "mine", "--persist");
    expect(ran.stderr).toContain("--persist: mine is a base image, which never changes");
    expect(ran.exitCode).toBe(2);
    const other = await run("boot", "mine", "--arch", "arm64");
    expect(other.stderr).toContain("--arch aarch64: mine is a system for x86_64");
  });
});

describe("configure", () => {
  const image = "generated-images/image.qcow2";

  test("wants an image and a user-data at their usual places", async () => {
    const nothing = await run("configure");
    expect(nothing.stderr).toContain("there is no file cloud-init-config/user-data");
    expect(nothing.exitCode).toBe(3);
    await put("cloud-init-config/user-data", "#cloud-config\n");
    const unsealable = await run("configure");
    expect(unsealable.stderr).toContain("there is no base image busybox");
    const imageless = await run("configure", "--no-seal");
    expect(imageless.stderr).toMatch(/generated-images\/image\.qcow2.* there is no such file/);
    expect(imageless.exitCode).toBe(3);
    const named = await run("configure", "--config-meta-data-path", "none");
    expect(named.stderr).toContain("there is no file none");
  });

  test("takes no choice of operations that are not done", async () => {
    const ran = await run("configure", "--no-seal", "--enable", "logfiles");
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toContain("--enable chooses what --no-seal leaves out");
  });

  test("names an error in the user-data before anything is done", async () => {
    await put("cloud-init-config/user-data", "#cloud-config\nruncmd: [\n");
    const ran = await run("configure");
    expect(ran.stderr).toContain("cloud-init-config/user-data:");
    expect(ran.stderr).toContain("nothing is configured: cloud-init would not take");
    expect(ran.exitCode).toBe(3);
    expect(await readdir(dir)).toEqual(["cloud-init-config"]);
  });

  test("takes gen-vm-image's flags, and leaves the image when its monitor has no place", async () => {
    await put("cloud-init-config/user-data", "#cloud-config\n");
    await put("cloud-init-config/vendor-data", "");
    await putDisk(image);
    await put("images/socket", "precious");
    const ran = await run(
      "configure",
      "---image-qemu-socket-path=images/socket",
      "--qemu-cpu-model=host",
      "--config-seed-output-path=seeds/deep/seed.img",
      "--accelerator=tcg",
      "--no-seal",
    );
    expect(ran.stderr).toContain(
      "no monitor can listen at images/socket: there is a file already, which is no socket",
    );
    expect(ran.exitCode).toBe(3);
    expect(await readFile(join(dir, "images/socket"), "utf8")).toBe("precious");
    expect(await readdir(join(dir, "generated-images"))).toEqual(["image.qcow2"]);
    expect(await readdir(join(dir, "seeds/deep"))).toEqual(["seed.img"]);
    expect(await stages()).toEqual([]);
  });
});
