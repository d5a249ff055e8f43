import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openRegularFile, readRegularText } from "./regular-file.ts";

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-regular-"));
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

test("a regular file is opened, also through a symlink", async () => {
  await writeFile(join(dir, "file"), "text");
  await symlink("file", join(dir, "link"));
  for (const name of ["file", "link"]) {
    const opened = await openRegularFile(join(dir, name));
    if (!opened.ok) throw new Error(opened.error.message);
    await using handle = opened.value;
    expect(await handle.readFile("utf8")).toBe("text");
  }
});

test("anything else is refused at once", async () => {
  await execa("mkfifo", [join(dir, "fifo")]);
  await mkdir(join(dir, "dir"));
  await writeFile(join(dir, "file"), "");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(dir, "socket"), resolve));
  await using _ = { [Symbol.asyncDispose]: async () => void server.close() };
  const refusal = async (name: string): Promise<unknown> => {
    const opened = await openRegularFile(join(dir, name));
    return opened.ok ? "opened" : opened.error;
  };
  const notRegular = (what: string) => ({
    missing: false,
    message: `it is ${what}, not a regular file`,
  });
  expect(await refusal("fifo")).toEqual(notRegular("a FIFO"));
  expect(await refusal("socket")).toEqual(notRegular("a socket"));
  expect(await refusal("dir")).toEqual(notRegular("a directory"));
  const missing = { missing: true, message: "there is no such file" };
  expect(await refusal("none")).toEqual(missing);
  expect(await refusal("file/none")).toEqual(missing);
  expect(await refusal("n".repeat(256))).toEqual({ missing: false, message: "name too long" });
});

test("a text is read without its byte order mark", async () => {
  await writeFile(join(dir, "text"), "\ufefftext");
  expect(await readRegularText(join(dir, "text"))).toEqual({ ok: true, value: "text" });
});
