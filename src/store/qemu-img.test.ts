import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkImage, convertImage, createOverlay, imageInfo, parseImageInfo } from "./qemu-img.ts";
import {
  checkArgv,
  commitArgv,
  convertArgv,
  createOverlayArgv,
  infoArgv,
} from "./qemu-img-argv.ts";

describe("argv", () => {
  test.each([
    [
      "an overlay names the format of its base",
      createOverlayArgv({ path: "/s/o", backingPath: "../b", backingFormat: "raw" }),
      "create -q -f qcow2 -b ../b -F raw /s/o",
    ],
    [
      "a size comes last",
      createOverlayArgv({
        path: "/s/o",
        backingPath: "../b",
        backingFormat: "qcow2",
        sizeBytes: 9,
      }),
      "create -q -f qcow2 -b ../b -F qcow2 /s/o 9",
    ],
    ["info never probes", infoArgv("/s/b", "raw"), "info --output=json -f raw /s/b"],
    ["a check only looks", checkArgv("/s/o"), "check --output=json -f qcow2 /s/o"],
    [
      "a check frees leaks when told to",
      checkArgv("/s/o", { repairLeaks: true }),
      "check --output=json -f qcow2 -r leaks /s/o",
    ],
    [
      "both formats of a conversion are given",
      convertArgv({ sourcePath: "/s/o", sourceFormat: "qcow2", path: "/x", format: "raw" }),
      "convert -p -f qcow2 -O raw /s/o /x",
    ],
    [
      "a conversion can compress",
      convertArgv({
        sourcePath: "/s/o",
        sourceFormat: "raw",
        path: "/x",
        format: "qcow2",
        compress: "zstd",
      }),
      "convert -p -f raw -O qcow2 -c -o compression_type=zstd -W /s/o /x",
    ],
    [
      "a conversion that compresses may give the same bytes each time",
      convertArgv({
        sourcePath: "/s/o",
        sourceFormat: "raw",
        path: "/x",
        format: "qcow2",
        compress: "zlib",
        threads: 1,
      }),
      "convert -p -f raw -O qcow2 -m 1 -c -o compression_type=zlib /s/o /x",
    ],
    [
      "a conversion can have so many threads",
      convertArgv({
        sourcePath: "/s/o",
        sourceFormat: "qcow2",
        path: "/x",
        format: "vmdk",
        threads: 4,
      }),
      "convert -p -f qcow2 -O vmdk -m 4 /s/o /x",
    ],
    ["a commit keeps the overlay", commitArgv("/s/o"), "commit -q -f qcow2 -d /s/o"],
  ])("%s", (_, argv, expected) => {
    expect(argv.join(" ")).toBe(expected);
  });
});

describe("running", () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "vmbuild-qemu-img-"));
    await writeFile(join(dir, "base"), Buffer.alloc(1 << 20, "B"));
  });
  afterEach(async () => {
    await rm(dir, { recursive: true });
  });

  const overlay = () =>
    createOverlay({ path: join(dir, "o"), backingPath: "base", backingFormat: "raw" });

  test("an overlay has its base's size and names it as given", async () => {
    expect(await overlay()).toEqual({ ok: true, value: undefined });
    expect(await imageInfo(join(dir, "o"), "qcow2")).toMatchObject({
      ok: true,
      value: {
        virtualSizeBytes: 1 << 20,
        backingPath: "base",
        backingFormat: "raw",
        corrupt: false,
      },
    });
  });

  test("a failure carries the command and its words", async () => {
    expect(await imageInfo(join(dir, "none"), "qcow2")).toMatchObject({
      ok: false,
      error: {
        reason: "qemu-img-failed",
        argv: ["qemu-img", ...infoArgv(join(dir, "none"), "qcow2")],
        stderr: expect.stringContaining("No such file or directory") as string,
      },
    });
  });

  test("a disk whose base is gone fails its check", async () => {
    await overlay();
    await rm(join(dir, "base"));
    expect(await checkImage(join(dir, "o"))).toMatchObject({
      error: { reason: "qemu-img-failed" },
    });
  });

  test("a conversion flattens the chain, tells its progress and leaves zeros out", async () => {
    await overlay();
    await promisify(execFile)("qemu-io", ["-f", "qcow2", "-c", "write -z 0 512k", join(dir, "o")]);
    const progress: number[] = [];
    const request = {
      sourcePath: join(dir, "o"),
      sourceFormat: "qcow2",
      path: join(dir, "raw"),
      format: "raw",
    } as const;
    const result = await convertImage(request, { onProgress: (share) => progress.push(share) });
    expect(result).toEqual({ ok: true, value: undefined });
    expect(progress.at(-1)).toBe(1);
    const content = Buffer.concat([Buffer.alloc(1 << 19), Buffer.alloc(1 << 19, "B")]);
    expect((await readFile(join(dir, "raw"))).equals(content)).toBe(true);
    expect((await stat(join(dir, "raw"))).blocks * 512).toBeLessThan(1 << 20);
  });

  test("a cancelled conversion says so", async () => {
    const request = {
      sourcePath: join(dir, "base"),
      sourceFormat: "raw",
      path: join(dir, "x"),
      format: "qcow2",
    } as const;
    const cancelled = { ok: false, error: { reason: "cancelled" } };
    expect(await convertImage(request, { signal: AbortSignal.abort() })).toEqual(cancelled);
    const controller = new AbortController();
    // A large hole takes long enough for a cancellation in the middle.
    await promisify(execFile)("truncate", ["-s", "64G", join(dir, "base")]);
    const options = { signal: controller.signal, onProgress: () => controller.abort() };
    expect(await convertImage({ ...request, compress: "zlib" }, options)).toEqual(cancelled);
  });

  test("a missing program is named with its package", async () => {
    const path = process.env["PATH"];
    process.env["PATH"] = dir;
    try {
      expect(await checkImage(join(dir, "base"))).toEqual({
        ok: false,
        error: { reason: "program-missing", program: "qemu-img", debianPackage: "qemu-utils" },
      });
    } finally {
      process.env["PATH"] = path;
    }
  });
});

test("what else an image may say about itself is read", () => {
  const stdout = JSON.stringify({
    "virtual-size": 5,
    "actual-size": 6,
    "format-specific": { type: "qcow2", data: { "data-file": "/etc/shadow", corrupt: true } },
  });
  expect(parseImageInfo(stdout)).toEqual({
    virtualSizeBytes: 5,
    actualSizeBytes: 6,
    dataPath: "/etc/shadow",
    corrupt: true,
  });
});
