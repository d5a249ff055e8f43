import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmod,
  mkdir,
  mkdtemp,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import type { Manifest } from "../plan/manifest.ts";
import type { CopyItem } from "../plan/step.ts";
import { scanSource } from "./scan.ts";
import { manifestTar, type ManifestTarOptions, TAR_MTIME } from "./tar-stream.ts";

const { signal } = new AbortController();

async function temporaryDirectory(): Promise<AsyncDisposable & { readonly dir: string }> {
  const dir = await mkdtemp(join(tmpdir(), "vmbuild-tar-"));
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}

async function manifest(contextDir: string, path: string): Promise<Manifest> {
  const scanned = await scanSource({ contextDir, path, exclude: [], signal });
  if (!scanned.ok) throw new Error(JSON.stringify(scanned.error));
  return scanned.value;
}

function options(contextDir: string, more: Partial<ManifestTarOptions> = {}): ManifestTarOptions {
  return { contextDir, directories: () => true, signal, ...more };
}

/** The whole archive, which must turn out well. */
async function archive(
  items: readonly CopyItem[],
  contextDir: string,
  more: Partial<ManifestTarOptions> = {},
): Promise<Buffer> {
  const { stream, outcome } = manifestTar(items, options(contextDir, more));
  const bytes = await buffer(stream);
  expect(await outcome).toEqual({ ok: true });
  return bytes;
}

function tar(args: readonly string[], input: Buffer): string {
  return execFileSync("tar", args, {
    input,
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C.UTF-8", TZ: "UTC" },
  });
}

describe("an archive", () => {
  test("unpacks to the tree it was made of (5 seeded trees)", async () => {
    for (let seed = 1; seed <= 5; seed += 1) {
      await using context = await temporaryDirectory();
      await using target = await temporaryDirectory();
      await randomTree(seeded(seed), join(context.dir, "tree"), 3);
      const before = await manifest(context.dir, "tree");
      const items = [{ manifest: before, destination: "/a/b/copied" }];
      tar(["-x", "-C", target.dir], await archive(items, context.dir));
      const after = await manifest(target.dir, "a/b/copied");
      expect(after.entries, `seed ${seed}`).toEqual(before.entries);
      expect(after.digest).toBe(before.digest);
    }
  });

  test("says owner, mode and time as they are in every guest", async () => {
    await using context = await temporaryDirectory();
    await mkdir(join(context.dir, "d"));
    await writeFile(join(context.dir, "d/plain"), "x", { mode: 0o600 });
    await writeFile(join(context.dir, "d/tool"), "x", { mode: 0o700 });
    await symlink("plain", join(context.dir, "d/link"));
    const items = [{ manifest: await manifest(context.dir, "d"), destination: "/srv/d" }];
    const owner = { uid: 1000, gid: 3_000_000_000 };
    const listed = tar(
      ["-t", "-v", "--numeric-owner", "--full-time"],
      await archive(items, context.dir, { owner }),
    );
    expect(listed.replaceAll(/ +/g, " ")).toBe(
      [
        "drwxr-xr-x 1000/3000000000 0 1980-01-02 00:00:00 srv/",
        "drwxr-xr-x 1000/3000000000 0 1980-01-02 00:00:00 srv/d/",
        "lrwxrwxrwx 1000/3000000000 0 1980-01-02 00:00:00 srv/d/link -> plain",
        "-rw-r--r-- 1000/3000000000 1 1980-01-02 00:00:00 srv/d/plain",
        "-rwxr-xr-x 1000/3000000000 1 1980-01-02 00:00:00 srv/d/tool",
        "",
      ].join("\n"),
    );
    expect(TAR_MTIME).toBe(315_619_200);
  });

  test("belongs to root unless told otherwise", async () => {
    await using context = await temporaryDirectory();
    await writeFile(join(context.dir, "f"), "");
    const items = [{ manifest: await manifest(context.dir, "f"), destination: "/f" }];
    const listed = tar(["-t", "-v", "--numeric-owner"], await archive(items, context.dir));
    expect(listed).toMatch(/^-rw-r--r-- 0\/0 .* f\n$/);
  });

  test("has the same bytes whatever the host's times, owners and modes are", async () => {
    await using context = await temporaryDirectory();
    await mkdir(join(context.dir, "d"), { mode: 0o700 });
    await writeFile(join(context.dir, "d/f"), "x", { mode: 0o600 });
    const items = [{ manifest: await manifest(context.dir, "d"), destination: "/d" }];
    const before = await archive(items, context.dir);
    await utimes(join(context.dir, "d/f"), 0, 0);
    await chmod(join(context.dir, "d/f"), 0o644);
    await chmod(join(context.dir, "d"), 0o755);
    expect(before.equals(await archive(items, context.dir))).toBe(true);
  });

  // What was there keeps its owner, mode and times; only new directories are the copy's.
  test("leaves directories alone that exist", async () => {
    await using context = await temporaryDirectory();
    await using target = await temporaryDirectory();
    await mkdir(join(context.dir, "d/new"), { recursive: true });
    await writeFile(join(context.dir, "d/new/f"), "x");
    await mkdir(join(target.dir, "home/d"), { recursive: true });
    const old = new Date("2001-02-03T04:05:06Z");
    for (const path of ["home/d", "home"]) {
      await chmod(join(target.dir, path), 0o750);
      await utimes(join(target.dir, path), old, old);
    }
    const items = [{ manifest: await manifest(context.dir, "d"), destination: "/home/d" }];
    const asked: string[] = [];
    const directories = (path: string): boolean => {
      asked.push(path);
      return path === "/home/d/new";
    };
    const bytes = await archive(items, context.dir, { directories });
    expect(asked).toEqual(["/home", "/home/d", "/home/d/new"]);
    expect(tar(["-t"], bytes).split("\n")).toEqual(["home/d/new/", "home/d/new/f", ""]);
    tar(["-x", "-C", target.dir], bytes);
    const home = await stat(join(target.dir, "home"));
    expect([home.mode & 0o777, home.mtime]).toEqual([0o750, old]);
    expect((await stat(join(target.dir, "home/d"))).mode & 0o777).toBe(0o750);
    expect((await stat(join(target.dir, "home/d/new"))).mode & 0o777).toBe(0o755);
  });

  test("has each path once, as the last item has it", async () => {
    await using context = await temporaryDirectory();
    await writeFile(join(context.dir, "one"), "1");
    await writeFile(join(context.dir, "two"), "2");
    const items = [
      { manifest: await manifest(context.dir, "one"), destination: "/f" },
      { manifest: await manifest(context.dir, "two"), destination: "/f" },
    ];
    const bytes = await archive(items, context.dir);
    expect(tar(["-t"], bytes)).toBe("f\n");
    expect(tar(["-x", "-O"], bytes)).toBe("2");
  });

  test("has no drive in its names", async () => {
    await using context = await temporaryDirectory();
    await writeFile(join(context.dir, "f"), "");
    const items = [{ manifest: await manifest(context.dir, "f"), destination: "C:/w/f" }];
    expect(tar(["-t"], await archive(items, context.dir))).toBe("w/\nw/f\n");
  });

  test("of nothing is a valid one", async () => {
    await using context = await temporaryDirectory();
    expect(tar(["-t"], await archive([], context.dir))).toBe("");
  });
});

describe("a source that changed since it was scanned", () => {
  const content = "x".repeat(300_000);

  test.each<[string, (file: string) => Promise<unknown>]>([
    ["longer", (file) => writeFile(file, `${content}x`)],
    ["shorter", (file) => truncate(file, 5)],
    ["other content", (file) => writeFile(file, `${content.slice(1)}y`)],
    ["removed", (file) => rm(file)],
    [
      "a link to the same content",
      async (file) => {
        await writeFile(`${file}.copy`, content);
        await rm(file);
        await symlink(`${file}.copy`, file);
      },
    ],
    [
      "a fifo",
      async (file) => {
        await rm(file);
        execFileSync("mkfifo", [file]);
      },
    ],
    [
      "a directory",
      async (file) => {
        await rm(file);
        await mkdir(file);
      },
    ],
  ])("fails the archive before its end: %s", async (_, change) => {
    await using context = await temporaryDirectory();
    await mkdir(join(context.dir, "d"));
    await writeFile(join(context.dir, "d/f"), content);
    const items = [{ manifest: await manifest(context.dir, "d"), destination: "/d" }];
    await change(join(context.dir, "d/f"));
    const { stream, outcome } = manifestTar(items, options(context.dir));
    await expect(buffer(stream)).rejects.toThrow("changed-while-read");
    const error = { reason: "changed-while-read", path: "d/f" };
    expect(await outcome).toEqual({ ok: false, error });
  });
});

describe("a stream that is given up", () => {
  async function bigArchive(
    dir: string,
    more: Partial<ManifestTarOptions> = {},
  ): Promise<ReturnType<typeof manifestTar>> {
    await writeFile(join(dir, "big"), Buffer.alloc(8 * 1024 * 1024, "x"));
    const items = [{ manifest: await manifest(dir, "big"), destination: "/big" }];
    return manifestTar(items, options(dir, more));
  }

  const cancelled = { ok: false, error: { reason: "cancelled" } };

  test("reads no further than it is read", async () => {
    await using context = await temporaryDirectory();
    const { stream, outcome } = await bigArchive(context.dir);
    await once(stream, "readable");
    expect(stream.readableLength).toBeLessThan(1024 * 1024);
    stream.destroy();
    expect(await outcome).toEqual(cancelled);
  });

  test("ends as cancelled when the signal is aborted, begun or not", async () => {
    await using context = await temporaryDirectory();
    const controller = new AbortController();
    const begun = await bigArchive(context.dir, { signal: controller.signal });
    await once(begun.stream, "readable");
    const waiting = await bigArchive(context.dir, { signal: controller.signal });
    controller.abort();
    const late = await bigArchive(context.dir, { signal: controller.signal });
    for (const { stream, outcome } of [begun, waiting, late]) {
      expect(await outcome).toEqual(cancelled);
      expect(stream.destroyed).toBe(true);
    }
  });
});

const NAMES = [
  "a",
  "-x",
  "two words",
  "\u00FCn\u00EF",
  "\u{1F600}",
  "new\nline",
  "quote'\"\\",
  ".hidden",
  "n".repeat(99),
  "m".repeat(100),
  "l".repeat(255),
  "*",
];

/** A directory with files of all kinds of names, sizes and modes, links, and directories like it. */
async function randomTree(random: Random, dir: string, depth: number): Promise<void> {
  await mkdir(dir);
  for (const name of NAMES) {
    const path = join(dir, name);
    const kind = random(6);
    if (kind === 0 && depth > 0) await randomTree(random, path, depth - 1);
    else if (kind === 1) await symlink(NAMES[random(NAMES.length)] ?? "", path);
    else if (kind === 2) await symlink(`/${"far/".repeat(random(60))}away`, path);
    else if (kind === 3) await writeFile(path, randomBytes(random, random(2000)), { mode: 0o755 });
    else if (kind === 4) await writeFile(path, randomBytes(random, 512 * random(700)));
  }
}

function randomBytes(random: Random, length: number): Buffer {
  const seed = createHash("sha256")
    .update(String(random(1_000_000)))
    .digest();
  return Buffer.alloc(length, seed);
}

type Random = (below: number) => number;

/** mulberry32 */
function seeded(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}
