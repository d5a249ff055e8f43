import { mkdir, mkdtemp, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";
import { customizeScript } from "./customize-script.ts";
import { parseOperation } from "./parse-operation.ts";

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-customize-"));
});

afterEach(() => rm(dir, { recursive: true, force: true }));

/** The script for operations on files of this host, whose paths are below `dir`. */
async function run(...operations: readonly (readonly [string, string])[]) {
  const placed = operations.map(([name, argument]) => {
    const parsed = parseOperation(name, argument.replaceAll("DIR", dir));
    if (!parsed.ok) throw new Error(parsed.error);
    const { label, operation } = parsed.value;
    if (operation.kind === "password" || operation.kind === "ssh-inject") throw new Error(label);
    return { label, operation };
  });
  const script = customizeScript(placed, { network: false });
  return await execa("sh", ["-s"], { input: script, reject: false });
}

test("awkward texts and paths mean themselves", async () => {
  const text = `it's "$HOME" \`x\` \\ %s *`;
  const ran = await run(
    ["mkdir", "DIR/a b/c'd"],
    ["write", `DIR/a b/c'd/$x:${text}`],
    ["append-line", "DIR/a b/c'd/$x:- n"],
    ["append-line", "DIR/a b/c'd/$x:last"],
    ["link", "c'd:DIR/a b/l:DIR/a b/m"],
  );
  expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
  expect(await readFile(join(dir, "a b/m/$x"), "utf8")).toBe(`${text}\n- n\nlast\n`);
  expect(await readlink(join(dir, "a b/l"))).toBe("c'd");
});

test("only what a pattern means is deleted", async () => {
  for (const name of ["a1", "a2", "b1", "a*"]) await writeFile(join(dir, name), "");
  await run(["delete", "DIR/a[12]"], ["delete", "DIR/none*"]);
  expect((await execa("ls", [dir])).stdout.split("\n")).toEqual(["a*", "b1"]);
});

test.each<[operation: [string, string], message: string]>([
  [["write", "DIR/none/x:text"], "there is no directory DIR/none"],
  [["append-line", "DIR:text"], "DIR is a directory"],
  [["truncate", "DIR/none"], "there is no file DIR/none"],
  [["truncate-recursive", "DIR/none"], "there is no directory DIR/none"],
  [["chmod", "0755:DIR/none"], "No such file"],
  [["link", "x:DIR/there"], "DIR/there is a directory"],
])("%j ends it, and the next is not done", async (operation, message) => {
  await mkdir(join(dir, "there"));
  const ran = await run(["touch", "DIR/before"], operation, ["touch", "DIR/after"]);
  expect(ran.exitCode).toBe(1);
  expect(ran.stdout).toBe("impossible\0");
  const [first, second] = ran.stderr.split("\n");
  expect(first).toContain(message.replaceAll("DIR", dir));
  expect(second).toBe(`in --${operation[0]} ${operation[1].replaceAll("DIR", dir)}`);
  expect((await execa("ls", [dir])).stdout.split("\n")).toEqual(["before", "there"]);
});
