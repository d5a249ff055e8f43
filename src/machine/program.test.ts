import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findProgram } from "./program.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "vmbuild-path-"));
  for (const name of ["a", "b", "c"]) await mkdir(path.join(dir, name));
});
afterEach(() => rm(dir, { recursive: true }));

const name = { program: "tool", debianPackage: "tools" };
const find = () =>
  findProgram(name, ["", "a", "b", "c"].map((part) => part && path.join(dir, part)).join(":"));

test("the first executable file wins over directories and plain files", async () => {
  await mkdir(path.join(dir, "a", "tool"));
  await writeFile(path.join(dir, "b", "tool"), "");
  await writeFile(path.join(dir, "c", "tool"), "");
  await chmod(path.join(dir, "c", "tool"), 0o755);
  expect(await find()).toEqual({ ok: true, value: path.join(dir, "c", "tool") });
});

test("a program that is nowhere is named with its package", async () => {
  expect(await find()).toEqual({
    ok: false,
    error: { reason: "program-missing", program: "tool", debianPackage: "tools" },
  });
});
