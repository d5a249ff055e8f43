import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { readIgnoreFile } from "./ignore-file.ts";
import { scanSource } from "./scan.ts";

const { signal } = new AbortController();

/** A temporary context with these files, all empty but the ignore file. */
async function contextWith(
  files: readonly string[],
  rules?: string | Uint8Array,
): Promise<AsyncDisposable & { readonly dir: string }> {
  const dir = await mkdtemp(join(tmpdir(), "vmbuild-ignore-"));
  for (const file of files) {
    await mkdir(join(dir, dirname(file)), { recursive: true });
    await writeFile(join(dir, file), "");
  }
  if (rules !== undefined) await writeFile(join(dir, ".vmbuildignore"), rules);
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}

async function copied(dir: string, path = ".", exclude: readonly string[] = []): Promise<string[]> {
  const scanned = await scanSource({ contextDir: dir, path, exclude, signal });
  if (!scanned.ok) throw new Error(JSON.stringify(scanned.error));
  return scanned.value.entries.flatMap(({ kind, path: name }) => (kind === "file" ? name : []));
}

async function failure(dir: string, path: string): Promise<unknown> {
  const scanned = await scanSource({ contextDir: dir, path, exclude: [], signal });
  return scanned.ok ? undefined : scanned.error;
}

const files = [
  "a.log",
  "keep.log",
  "src/a.log",
  "src/a.c",
  "src/Build/x",
  "src/build/x",
  "src/build/keep",
  "top",
  "src/top",
  "#hash",
  "sp ace",
  "node_modules/m/index.js",
];

test.each<[rules: string, left: string[]]>([
  ["", files],
  ["*.log", files.filter((file) => !file.endsWith(".log"))],
  ["*.log\n!keep.log\r\n", files.filter((file) => file === "keep.log" || !file.endsWith(".log"))],
  ["\uFEFF/top", files.filter((file) => file !== "top")],
  ["build/", files.filter((file) => !file.includes("build/"))],
  ["build/\n!build/keep", files.filter((file) => !file.includes("build/"))],
  ["src/build/*\n!src/build/keep", files.filter((file) => file !== "src/build/x")],
  ["top/", files],
  ["# comment\n\n\\#hash\nsp\\ ace", files.filter((file) => file !== "#hash" && file !== "sp ace")],
  ["**/node_modules", files.filter((file) => !file.startsWith("node_modules"))],
  ["*\n!src/\n!src/a.c", ["src/a.c"]],
  ["!/.vmbuildignore", [...files, ".vmbuildignore"]],
])("the rules %j leave what git leaves", async (rules, left) => {
  await using context = await contextWith(files, rules);
  expect((await copied(context.dir)).sort()).toEqual(left.toSorted());
  // The judge: what git would add. It has the ignore file by another name.
  await using judge = await contextWith(files);
  await writeFile(join(judge.dir, ".gitignore"), rules);
  const git = (...argv: string[]) =>
    execFileSync(
      "git",
      ["-c", "core.quotePath=false", "-c", "core.excludesFile=/dev/null", ...argv],
      {
        cwd: judge.dir,
        encoding: "utf8",
      },
    );
  git("init", "-q");
  const added = git("ls-files", "-z", "--others", "--exclude-standard").split("\0");
  const isOurs = (name: string): boolean => name !== "" && !name.endsWith("ignore");
  expect(added.filter(isOurs).sort()).toEqual(left.filter(isOurs).toSorted());
});

describe("a source below the context", () => {
  test("is searched by the rules of the context's top", async () => {
    await using context = await contextWith(files, "/top\n/src/a.log\n");
    expect(await copied(context.dir, "src")).not.toContain("a.log");
    expect(await copied(context.dir, "src")).toContain("top");
    expect(await copied(context.dir, "src", ["top"])).not.toContain("top");
  });

  test.each(["node_modules", "node_modules/m", "top", ".vmbuildignore"])(
    "that is left out itself is an error: %s",
    async (path) => {
      await using context = await contextWith(files, "node_modules\n/top\n");
      expect(await failure(context.dir, path)).toEqual({
        reason: "source-ignored",
        path,
        ignoreFile: ".vmbuildignore",
      });
    },
  );
});

test("what cannot be copied is no trouble when it is left out", async () => {
  await using context = await contextWith(["a"], "pipe\n");
  execFileSync("mkfifo", [join(context.dir, "pipe")]);
  expect(await copied(context.dir)).toEqual(["a"]);
});

test.each<[what: string, make: (path: string) => unknown, why: string]>([
  ["a directory", (path) => mkdir(path), "it is a directory, not a file"],
  ["a symlink", (path) => symlink("a", path), "it is a symlink, not a file"],
  ["a FIFO", (path) => execFileSync("mkfifo", [path]), "it is a fifo, not a file"],
  ["no text", (path) => writeFile(path, Buffer.from([0x61, 0xff])), "it is not UTF-8"],
])("an ignore file that is %s is refused", async (_, make, why) => {
  await using context = await contextWith(["a"]);
  await make(join(context.dir, ".vmbuildignore"));
  expect(await failure(context.dir, ".")).toEqual({
    reason: "ignore-file-unusable",
    path: ".vmbuildignore",
    why,
  });
});

test("no text is too odd for rules", async () => {
  const odd = [
    "[",
    "[z-a]",
    "a[",
    "\\",
    "a\\",
    "!",
    "!!",
    "**",
    "/**/",
    "(",
    ")+",
    "{a,b}",
    "?",
    "[!]",
    "[^]",
    "\t",
    " ",
    "/",
    "//",
    "a/**b",
    "$",
    "^",
    "[[:alpha:]]",
    "*".repeat(50),
  ];
  for (const first of odd) {
    for (const second of odd) {
      await using context = await contextWith([], `${first}${second}\n${second}/${first}\n`);
      const rules = await readIgnoreFile(context.dir);
      if (!rules.ok) throw new Error(JSON.stringify(rules.error));
      const { value: ignores } = rules;
      for (const path of ["a", "a b", "x/[y", "n\nl", "\u{1F600}/ü"]) {
        expect(() => ignores(path, true)).not.toThrow();
      }
    }
  }
});
