import { execFile } from "node:child_process";
import { cp, link, mkdir, mkdtemp, open, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { expectOk } from "../../test/laws/store-fixture.ts";
import { tarOfImage } from "./cache-tar.ts";
import { ext4Options } from "./empty-disk.ts";

const run = promisify(execFile);
const { signal } = new AbortController();
const path = `${process.env["PATH"]}:/usr/sbin:/sbin`;
const imageBytes = 16 * 2 ** 20;

let dir: string;
let tree: string;
let image: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-ext4-"));
  tree = join(dir, "tree", "content");
  image = join(dir, "image");
  await mkdir(join(tree, "with space", "empty"), { recursive: true, mode: 0o750 });
  await writeFile(join(tree, "file"), "content", { mode: 0o640 });
  await writeFile(join(tree, "nothing"), "");
  await writeFile(join(tree, "line\nbreak"), "x".repeat(10_000));
  await link(join(tree, "file"), join(tree, "with space", "hard"));
  await symlink("../file", join(tree, "with space", "link"));
  await symlink(`/${"long/".repeat(60)}`, join(tree, "long-link"));
  await writeFile(join(tree, "n".repeat(200)), "long name");
  await writeFile(join(tree, "holes"), "begin");
  await truncate(join(tree, "holes"), 3_000_001);
  for (let n = 0; n < 300; n++) await writeFile(join(tree, "with space", `many-${n}`), `${n}`);
  await run("mke2fs", [...ext4Options, "-d", join(dir, "tree"), image, `${imageBytes / 1024}k`], {
    env: { PATH: path, MKE2FS_CONFIG: "/dev/null" },
  });
});
afterAll(() => rm(dir, { recursive: true, force: true }));

test("an image becomes the tar stream of what it was made of", async () => {
  const tar = expectOk(await tarOfImage(image, join(dir, "whole.tar"), signal));
  await tar.handle.close();
  const target = join(dir, "unpacked");
  await mkdir(target);
  await run("tar", ["-xpf", tar.path, "-C", target]);
  const list = (at: string) =>
    run(
      "sh",
      [
        "-c",
        "find . -printf '%p %y %m %U:%G %s %n %l %Ts\\n' | sort; find . -type f -print0 | sort -z | xargs -0 sha256sum",
      ],
      { cwd: at },
    ).then(({ stdout }) => stdout.replace(/^(.* d \d+ \S+) .*$/gm, "$1"));
  expect(await list(target)).toBe(await list(tree));
  expect((await run("tar", ["-tvf", tar.path])).stdout).toMatch(/^h.* link to /m);
});

test("an image that was tampered with is damage or a stream, and never more (60 seeds)", async () => {
  const outcomes = new Map<string, number>();
  for (let seed = 1; seed <= 60; seed++) {
    const copy = join(dir, `damaged-${seed}`);
    await cp(image, copy);
    await using file = await open(copy, "r+");
    const random = randomFrom(seed);
    // Where the superblock, the groups, inodes and directories are.
    for (let n = 0; n < 60; n++) {
      await file.write(Buffer.from([random(256)]), 0, 1, 1024 + random(n < 6 ? 8192 : 600_000));
    }
    const tar = await tarOfImage(copy, `${copy}.tar`, signal);
    if (tar.ok) await tar.value.handle.close();
    else expect(tar.error).toMatchObject({ reason: "disk-corrupt" });
    const outcome = tar.ok ? "stream" : "damage";
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    await rm(copy);
    await rm(`${copy}.tar`, { force: true });
  }
  expect(outcomes.get("stream")).toBeGreaterThan(5);
  expect(outcomes.get("damage")).toBeGreaterThan(5);
});

test("what is no file system, or has no content, is damage", async () => {
  const zeros = join(dir, "zeros");
  await writeFile(zeros, Buffer.alloc(8192));
  expect(await tarOfImage(zeros, join(dir, "zeros.tar"), signal)).toMatchObject({
    ok: false,
    error: { reason: "disk-corrupt" },
  });
  const empty = join(dir, "empty");
  await run("mke2fs", [...ext4Options, empty, "4096k"], {
    env: { PATH: path, MKE2FS_CONFIG: "/dev/null" },
  });
  expect(await tarOfImage(empty, join(dir, "empty.tar"), signal)).toMatchObject({
    ok: false,
    error: { reason: "disk-corrupt", message: "it has no directory content" },
  });
});

test("a cancelled reading leaves nothing", async () => {
  const tar = await tarOfImage(image, join(dir, "cancelled.tar"), AbortSignal.abort());
  expect(tar).toMatchObject({ ok: false, error: { reason: "cancelled" } });
  await expect(open(join(dir, "cancelled.tar"))).rejects.toThrow("ENOENT");
});

/** Whole numbers below a limit, the same for the same seed (mulberry32). */
function randomFrom(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}
