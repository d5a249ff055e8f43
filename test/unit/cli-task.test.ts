import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { vmbuild } from "../support/run-vmbuild.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-task-"));
  await writeFile(join(dir, "task.sh"), "#!/bin/sh\ntrue\n");
  await writeFile(join(dir, "user-data"), "#cloud-config\nhostnme: one\n");
  await writeFile(join(dir, "text"), "hello\n");
  await writeFile(join(dir, "small.img"), Buffer.alloc(512));
  await promisify(execFile)("qemu-img", ["create", "-q", "-f", "raw", join(dir, "disk.img"), "1M"]);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const task = (argv: readonly string[]) =>
  vmbuild(["task", "--store", "store", ...argv], { cwd: dir });

test.each<[argv: string[], exitCode: number, message: string]>([
  [["task.sh"], 2, "required option '--image <image>' not specified"],
  [["--image", "disk.img"], 2, "missing required argument 'task'"],
  [["--image", "disk.img", "none"], 3, "there is no file none"],
  [["--image", "none", "task.sh"], 3, "there is no file, base image, layer or tag none"],
  [["--image", "text", "task.sh"], 3, "it is no disk image"],
  [["--image", "disk.img", "text"], 3, "text:1:1: error: cloud-init would ignore it"],
  [["--image", "disk.img", "user-data"], 3, "cloud-init knows no key hostnme"],
  [["--image", "disk.img", "--memory", "1", "task.sh"], 2, "a machine's memory"],
  [["--image", "disk.img", "--timeout", "x", "task.sh"], 2, "is not a time such as 90s or 2m"],
  [["--image", "disk.img", "--save", "a b", "task.sh"], 3, "a b"],
  [["--image", "disk.img", "--disk", "disk.img", "task.sh"], 3, "disk.img is not a qcow2 disk"],
  [["--image", "disk.img", "--disk", "none/disk", "task.sh"], 2, "there is no directory"],
  [["--image", "disk.img", "--boot", "warm", "task.sh"], 2, "disk.img is no base image"],
  [["--image", "disk.img", "--boot", "warm", "--run", "true", "task.sh"], 2, "needs a boot"],
  [["--image", "disk.img", "--arch", "mips", "task.sh"], 2, "is not x86_64 or aarch64"],
  [["--image", "disk.img", "--meta-data", "-", "-"], 2, "only one file can be standard input"],
  [
    ["--image", "disk.img", "--cloud-init", "usb", "task.sh"],
    2,
    "Allowed choices are seed, smbios",
  ],
])("%j is told before anything is booted", async (argv, exitCode, message) => {
  const before = await readdir(dir);
  const ran = await task(argv);
  expect(ran.exitCode, ran.stderr).toBe(exitCode);
  expect(ran.stderr).toContain(message);
  expect(ran.stdout).toBe("");
  expect((await readdir(dir)).filter((name) => name !== "store")).toEqual(before);
});
