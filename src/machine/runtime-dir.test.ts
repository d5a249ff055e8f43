import { mkdir, mkdtemp, readdir, readlink, rm, stat } from "node:fs/promises";
import { once } from "node:events";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeRuntimeDir } from "./runtime-dir.ts";

let parent: string;
beforeEach(async () => {
  parent = await mkdtemp(path.join(tmpdir(), "vmbuild-run-"));
});
afterEach(() => rm(parent, { recursive: true }));

/** No process has it: the kernel's limit is 2^22 (proc(5), pid_max). */
const deadPid = 2 ** 22 + 1;

async function leftover(pid: number, namespace?: string): Promise<string> {
  const own = /\d+/.exec(await readlink("/proc/self/ns/pid"))?.[0];
  const dir = path.join(parent, `vmbuild-${pid}-${namespace ?? own}-abcdef`);
  await mkdir(dir);
  return dir;
}

async function make(parents: readonly string[] = [parent]): Promise<string> {
  const made = await makeRuntimeDir(parents);
  if (!made.ok) throw new Error(JSON.stringify(made.error));
  return made.value.path;
}

test("the directory is private and its socket's path short enough", async () => {
  const dir = await make();
  expect((await stat(dir)).mode & 0o777).toBe(0o700);
  expect(Buffer.byteLength(path.join(dir, "qmp.sock"))).toBeLessThan(108);
});

test("a parent with a long path or without permission is passed over", async () => {
  const long = path.join(parent, "d".repeat(60));
  await mkdir(long);
  expect(path.dirname(await make([long, "/proc", parent]))).toBe(parent);
});

test("no usable parent is a failure that tells why", async () => {
  expect(await makeRuntimeDir(["/proc", "/nonexistent"])).toMatchObject({
    ok: false,
    error: {
      reason: "runtime-dir-unusable",
      path: "/proc",
      message: expect.stringMatching(/proc.*nonexistent/),
      hint: expect.stringMatching("XDG_RUNTIME_DIR"),
    },
  });
});

test("what ended processes left is removed", async () => {
  await leftover(deadPid);
  const dir = await make();
  expect(await readdir(parent)).toEqual([path.basename(dir)]);
});

test.each([
  ["of a live process", process.pid, undefined],
  ["of another pid namespace", deadPid, "4026000000"],
])("a directory %s stays", async (_name, pid, namespace) => {
  const other = await leftover(pid, namespace);
  await make();
  expect((await stat(other)).isDirectory()).toBe(true);
});

test("a directory of a machine that outlived its process stays", async () => {
  const other = await leftover(deadPid);
  const server = createServer().listen(path.join(other, "qmp.sock"));
  await once(server, "listening");
  await make();
  expect((await stat(other)).isDirectory()).toBe(true);
  server.close();
  await once(server, "close");
});
