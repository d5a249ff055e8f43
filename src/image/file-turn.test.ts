import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { deadOwner } from "../../test/support/damage.ts";
import { inTurn } from "./file-turn.ts";

let dir: string;
let path: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-turn-"));
  path = join(dir, "sums");
  await writeFile(path, "");
});

afterEach(() => rm(dir, { recursive: true, force: true }));

async function add(line: string): Promise<void> {
  await inTurn(path, async () => {
    const before = await readFile(path, "utf8");
    await writeFile(path, `${before}${line}\n`);
  });
}

const lines = async (): Promise<readonly string[]> =>
  (await readFile(path, "utf8")).split("\n").slice(0, -1).sort();

test("nothing is lost of what many add at once, and nothing is left", async () => {
  const all = Array.from({ length: 30 }, (_, index) => `line ${String(index).padStart(2, "0")}`);
  await Promise.all(all.map(add));
  expect(await lines()).toEqual(all);
  expect(await readdir(dir)).toEqual(["sums"]);
});

test("the turn of a process that was killed is over, also for several who wait", async () => {
  await symlink(await deadOwner(), join(dir, ".vmbuild-sums"));
  await Promise.all(["a", "b", "c"].map(add));
  expect(await lines()).toEqual(["a", "b", "c"]);
  expect(await readdir(dir)).toEqual(["sums"]);
});

test("a turn ends also when what is done in it fails", async () => {
  await expect(inTurn(path, async () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  await add("a");
  expect(await lines()).toEqual(["a"]);
});
