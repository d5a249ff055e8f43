import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Manifest } from "../plan/manifest.ts";
import type { Result } from "../result.ts";
import type { ContextFailure } from "./failure.ts";
import { contextScanner, scanSource } from "./scan.ts";

const { signal } = new AbortController();

/** A temporary directory that holds `files`; `->` starts a symlink's text, a trailing `/` makes a directory. */
async function contextWith(
  files: Readonly<Record<string, string>>,
): Promise<AsyncDisposable & { readonly dir: string }> {
  const dir = await mkdtemp(join(tmpdir(), "vmbuild-context-"));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(dir, dirname(path)), { recursive: true });
    if (path.endsWith("/")) await mkdir(join(dir, path), { recursive: true });
    else if (content.startsWith("->")) await symlink(content.slice(2), join(dir, path));
    else await writeFile(join(dir, path), content, { mode: 0o644 });
  }
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}

function scan(
  contextDir: string,
  path: string,
  exclude: readonly string[] = [],
): Promise<Result<Manifest, ContextFailure>> {
  return scanSource({ contextDir, path, exclude, signal });
}

async function manifest(
  contextDir: string,
  path: string,
  exclude: readonly string[] = [],
): Promise<Manifest> {
  const scanned = await scan(contextDir, path, exclude);
  if (!scanned.ok) throw new Error(JSON.stringify(scanned.error));
  return scanned.value;
}

async function paths(
  contextDir: string,
  path: string,
  exclude: readonly string[] = [],
): Promise<readonly string[]> {
  return (await manifest(contextDir, path, exclude)).entries.map((entry) => entry.path);
}

function sha256(content: string): string {
  return createHash("sha256").update(content).digest("hex");
}

const TREE = {
  "app/main.c": "int main;",
  "app/lib/util.c": "int util;",
  "app/lib-old/util.c": "int old;",
  "app/empty/": "",
  "app/.git/config": "git",
  "app/lib/.git": "gitdir",
  "app/link": "->lib/util.c",
  "app/outside": "->/etc/passwd",
  "app/dangling": "->../../nowhere",
  readme: "read me",
};

describe("a manifest", () => {
  test("has the source first, then what is below it by the bytes of its path", async () => {
    await using context = await contextWith(TREE);
    await chmod(join(context.dir, "app/main.c"), 0o700);
    const { source, entries } = await manifest(context.dir, "app");
    expect(source).toBe("app");
    const file = (path: string, content: string, executable = false): unknown => ({
      kind: "file",
      path,
      sizeBytes: content.length,
      executable,
      digest: sha256(content),
    });
    expect(entries).toEqual([
      { kind: "directory", path: "" },
      { kind: "directory", path: ".git" },
      file(".git/config", "git"),
      { kind: "symlink", path: "dangling", target: "../../nowhere" },
      { kind: "directory", path: "empty" },
      { kind: "directory", path: "lib" },
      { kind: "directory", path: "lib-old" },
      file("lib-old/util.c", "int old;"),
      file("lib/.git", "gitdir"),
      file("lib/util.c", "int util;"),
      { kind: "symlink", path: "link", target: "lib/util.c" },
      file("main.c", "int main;", true),
      { kind: "symlink", path: "outside", target: "/etc/passwd" },
    ]);
  });

  // Every `copy` of every store is done again when this changes.
  test("has the digest it always had", async () => {
    await using context = await contextWith(TREE);
    expect((await manifest(context.dir, "app")).digest).toBe(
      "593e7e2f7d701e932e8942d4ba4c5a8c06f947c15e91a2bac1ebc10ab7fb3fb8",
    );
  });

  test.each([
    [".", ""],
    ["", ""],
    ["/", ""],
    ["app", "app"],
    ["/app", "app"],
    ["./app//lib/.", "app/lib"],
    ["app/", "app"],
    ["readme", "readme"],
  ])("of %j is called %j", async (path, source) => {
    await using context = await contextWith(TREE);
    expect((await manifest(context.dir, path)).source).toBe(source);
  });

  test("of a file or of a symlink is one entry", async () => {
    await using context = await contextWith(TREE);
    expect((await manifest(context.dir, "readme")).entries).toMatchObject([
      { kind: "file", path: "", sizeBytes: 7 },
    ]);
    expect((await manifest(context.dir, "app/outside")).entries).toEqual([
      { kind: "symlink", path: "", target: "/etc/passwd" },
    ]);
  });

  test("leaves out excluded names at every depth, but never the source", async () => {
    await using context = await contextWith(TREE);
    const excluded = await paths(context.dir, "app", [".git", "util.c", "app", "none"]);
    expect(excluded).toEqual([
      "",
      "dangling",
      "empty",
      "lib",
      "lib-old",
      "link",
      "main.c",
      "outside",
    ]);
    expect(await paths(context.dir, "app/.git", [".git"])).toEqual(["", "config"]);
  });

  test("orders names by their bytes in UTF-8, not in UTF-16", async () => {
    await using context = await contextWith({ "d/\u{1F600}": "", "d/\uFF5E": "", "d/\uFFFD": "" });
    expect(await paths(context.dir, "d")).toEqual(["", "\uFF5E", "\uFFFD", "\u{1F600}"]);
  });

  test.each([0, 1, 262_143, 262_144, 262_145, 1_048_576])(
    "has the digest of a file of %i bytes",
    async (size) => {
      const content = "0123456789abcdef!".repeat(70_000).slice(0, size);
      await using context = await contextWith({ file: content });
      const { entries } = await manifest(context.dir, "file");
      expect(entries).toMatchObject([{ sizeBytes: size, digest: sha256(content) }]);
    },
  );
});

describe("the digest", () => {
  type Change = (dir: string) => Promise<unknown>;

  async function digestsAround(change: Change): Promise<[string, string]> {
    await using context = await contextWith(TREE);
    const before = await manifest(context.dir, "app");
    await change(context.dir);
    return [before.digest, (await manifest(context.dir, "app")).digest];
  }

  test.each<[string, Change]>([
    ["a file's content", (dir) => writeFile(join(dir, "app/main.c"), "int Main;")],
    ["an execute bit", (dir) => chmod(join(dir, "app/main.c"), 0o654)],
    ["one file more", (dir) => writeFile(join(dir, "app/more"), "")],
    ["one directory more", (dir) => mkdir(join(dir, "app/more"))],
    ["one file less", (dir) => rm(join(dir, "app/main.c"))],
    [
      "a link's text",
      async (dir) => {
        await rm(join(dir, "app/link"));
        await symlink("lib/../lib/util.c", join(dir, "app/link"));
      },
    ],
    [
      "a file instead of a link",
      async (dir) => {
        await rm(join(dir, "app/link"));
        await writeFile(join(dir, "app/link"), "lib/util.c");
      },
    ],
  ])("changes with %s", async (_, change) => {
    const [before, after] = await digestsAround(change);
    expect(after).not.toBe(before);
  });

  test.each<[string, Change]>([
    ["times", (dir) => utimes(join(dir, "app/main.c"), 0, 0)],
    ["a directory's mode", (dir) => chmod(join(dir, "app/lib"), 0o700)],
    ["permissions but the execute bit", (dir) => chmod(join(dir, "app/main.c"), 0o600)],
    ["what is not below the source", (dir) => writeFile(join(dir, "readme"), "changed")],
  ])("does not change with %s", async (_, change) => {
    const [before, after] = await digestsAround(change);
    expect(after).toBe(before);
  });
});

describe("a source is refused", () => {
  test.each<[string, ContextFailure]>([
    ["nosuch", { reason: "source-missing", path: "nosuch" }],
    ["redme", { reason: "source-missing", path: "redme", suggestion: "readme" }],
    ["app/lob/x", { reason: "source-missing", path: "app/lob/x", suggestion: "app/lib" }],
    ["x".repeat(300), { reason: "source-missing", path: "x".repeat(300) }],
    ["a\0b", { reason: "source-missing", path: "a\0b" }],
    ["../x", { reason: "leaves-context", path: "../x" }],
    ["app/../readme", { reason: "leaves-context", path: "app/../readme" }],
    ["up/readme", { reason: "through-symlink", path: "up/readme", link: "up" }],
    ["up/", { reason: "through-symlink", path: "up/", link: "up" }],
    ["app/up/.", { reason: "through-symlink", path: "app/up/.", link: "app/up" }],
    ["readme/x", { reason: "not-a-directory", path: "readme/x", file: "readme" }],
    ["readme/", { reason: "not-a-directory", path: "readme/", file: "readme" }],
  ])("%j", async (path, error) => {
    await using context = await contextWith({ ...TREE, up: "->.", "app/up": "->.." });
    expect(await scan(context.dir, path)).toEqual({ ok: false, error });
  });

  test("when the context is missing or a file", async () => {
    await using context = await contextWith(TREE);
    const contextDir = join(context.dir, "nosuch");
    expect(await scan(contextDir, ".")).toMatchObject({
      error: { reason: "context-missing", contextDir },
    });
    for (const file of ["readme", "readme/x"]) {
      expect(await scan(join(context.dir, file), ".")).toMatchObject({
        error: { reason: "context-not-a-directory" },
      });
    }
  });

  test("for a fifo or a socket in it, unless that is excluded", async () => {
    await using context = await contextWith({ "fifo/a/": "", "socket/": "" });
    execFileSync("mkfifo", [join(context.dir, "fifo/a/pipe")]);
    const server = createServer().listen(join(context.dir, "socket/s"));
    await new Promise((resolve) => server.once("listening", resolve));
    expect(await scan(context.dir, "fifo")).toMatchObject({
      error: { reason: "unsupported-file-type", path: "fifo/a/pipe", type: "fifo" },
    });
    expect(await scan(context.dir, "socket/s")).toMatchObject({
      error: { reason: "unsupported-file-type", path: "socket/s", type: "socket" },
    });
    expect(await paths(context.dir, ".", ["pipe", "s"])).toEqual(["", "fifo", "fifo/a", "socket"]);
    await new Promise((resolve) => server.close(resolve));
  });

  test("that is a device", async () => {
    expect(await scan("/dev", "null")).toMatchObject({ error: { type: "character device" } });
  });

  // Both are regular files to `stat`: the first cannot be read, the second is longer than it says.
  test.each<[string, ContextFailure]>([
    ["mem", { reason: "unreadable", path: "mem", code: "EIO" }],
    ["status", { reason: "changed-while-read", path: "status" }],
  ])("whose content cannot be had: %s", async (path, error) => {
    expect(await scan("/proc/self", path)).toEqual({ ok: false, error });
  });

  test("with a name or a link's text that is no UTF-8", async () => {
    await using context = await contextWith({ "names/\uFFFD": "good", "links/": "" });
    const bad = Buffer.from([0x61, 0xff]);
    await writeFile(Buffer.concat([Buffer.from(`${context.dir}/names/`), bad]), "bad");
    await symlink(bad, join(context.dir, "links/l"));
    expect(await scan(context.dir, ".", ["links"])).toMatchObject({
      error: { reason: "not-utf8", what: "name", path: "names/a\uFFFD" },
    });
    expect(await scan(context.dir, "links")).toMatchObject({
      error: { reason: "not-utf8", what: "link-target", path: "links/l" },
    });
  });

  test("when the run is cancelled", async () => {
    await using context = await contextWith(TREE);
    const scanner = contextScanner(context.dir, AbortSignal.abort());
    expect(await scanner.scan(".", [])).toEqual({ ok: false, error: { reason: "cancelled" } });
  });
});

describe("a scanner", () => {
  test("reads a file once for all sources it is in", async () => {
    await using context = await contextWith(TREE);
    const scanner = contextScanner(context.dir, signal);
    const whole = await scanner.scan("app", [".git"]);
    await writeFile(join(context.dir, "app/lib/util.c"), "changed!");
    const again = await scanner.scan("app", [".git", ".git"]);
    expect(again).toBe(whole);
    const part = await scanner.scan("app/lib", [".git"]);
    expect(part).toMatchObject({
      value: { entries: [{ path: "" }, { path: "util.c", digest: sha256("int util;") }] },
    });
    const fresh = await manifest(context.dir, "app/lib", [".git"]);
    expect(fresh.entries[1]).toMatchObject({ digest: sha256("changed!") });
  });

  test("answers many at once", async () => {
    await using context = await contextWith(TREE);
    const scanner = contextScanner(context.dir, signal);
    const [app, readme, missing] = await Promise.all([
      scanner.scan("app", []),
      scanner.scan("readme", []),
      scanner.scan("nosuch", []),
    ]);
    expect([app.ok, readme.ok, missing.ok]).toEqual([true, true, false]);
  });
});
