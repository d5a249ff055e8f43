import { link, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { StepId } from "../plan/step.ts";
import { storeLayout } from "./layout.ts";
import { suspendedBytes, suspendLayer, trimSuspended } from "./suspended.ts";

const MiB = 2 ** 20;
let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "vmbuild-suspended-"));
  await mkdir(join(root, "result"));
  await mkdir(join(root, "state/tmp"), { recursive: true });
});

afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

const context = () => ({ layout: storeLayout(root), sync: async () => {} });
const idOf = (digit: string) => digit.repeat(64) as StepId;

/** A layer with a machine of one MiB of its own, used at `usedAt`; gives the machine's directory. */
async function machine(digit: string, usedAt: number): Promise<string> {
  const dir = storeLayout(root).layer(idOf(digit)).suspendedDir;
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, "ram-1"), Buffer.alloc(MiB, digit));
  await utimes(dir, usedAt, usedAt);
  return dir;
}

async function left(): Promise<string[]> {
  const ids = await readdir(join(root, "result"));
  const found = await Promise.all(
    ids.map(async (id) => ((await readdir(join(root, "result", id))).length > 0 ? [id[0]] : [])),
  );
  return found
    .flat()
    .map(String)
    .sort((a, b) => a.localeCompare(b));
}

test("machines are dropped, those first that were not used for longest", async () => {
  await machine("a", 100);
  await machine("b", 50);
  await machine("c", 200);
  expect(await suspendedBytes(storeLayout(root))).toBe(3 * MiB);
  expect(await trimSuspended(context(), 2.5 * MiB)).toBe(1);
  expect(await left()).toEqual(["a", "c"]);
  expect(await trimSuspended(context(), 2.5 * MiB)).toBe(0);
  expect(await trimSuspended(context(), 0)).toBe(2);
  expect(await left()).toEqual([]);
  expect(await readdir(join(root, "state/tmp"))).toEqual([]);
});

test("what machines share counts once, and goes with the last of them", async () => {
  const first = await machine("a", 100);
  const second = await machine("b", 50);
  await writeFile(join(first, "ram-base"), Buffer.alloc(4 * MiB, 1));
  await link(join(first, "ram-base"), join(second, "ram-base"));
  await utimes(first, 100, 100);
  await utimes(second, 50, 50);
  expect(await suspendedBytes(storeLayout(root))).toBe(6 * MiB);
  expect(await trimSuspended(context(), 5 * MiB)).toBe(1);
  expect(await left()).toEqual(["a"]);
});

test("without a budget a small store keeps all it has", async () => {
  await machine("a", 100);
  expect(await trimSuspended(context())).toBe(0);
});

test("a layer's machine is replaced by another, and one of a layer that is gone stays where it was", async () => {
  await machine("a", 100);
  const made = join(root, "made");
  await mkdir(made);
  await writeFile(join(made, "new"), "");
  const { suspendedDir } = storeLayout(root).layer(idOf("a"));
  expect(await suspendLayer(context(), idOf("a"), made)).toBe(suspendedDir);
  expect(await readdir(suspendedDir)).toEqual(["new"]);
  await mkdir(made);
  expect(await suspendLayer(context(), idOf("d"), made)).toBe(made);
});
