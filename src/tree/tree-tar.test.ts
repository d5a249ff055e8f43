import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { directoriesOf } from "../context/tar-entries.ts";
import { guestTree, type GuestTree, subtree, type TreeEntry } from "./guest-tree.ts";
import { readTarMembers } from "./tar-members.ts";
import { type PlacedTree, treeItems, treeTar } from "./tree-tar.ts";
import { inTheWay, unpack } from "./unpack.ts";

const { signal } = new AbortController();
let dir: string;
let archivePath: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-tree-"));
  archivePath = join(dir, "guest.tar");
  await mkdir(join(dir, "guest", "srv", "sub"), { recursive: true });
  await writeFile(join(dir, "guest", "srv", "tool"), "#!/bin/sh\n");
  await chmod(join(dir, "guest", "srv", "tool"), 0o4711);
  await writeFile(join(dir, "guest", "srv", "sub", "big"), Buffer.alloc(700_000, "big"));
  await symlink("/etc/passwd", join(dir, "guest", "srv", "link"));
  await execa("tar", [
    "-cf",
    archivePath,
    "--owner=12",
    "--group=34",
    "-C",
    join(dir, "guest"),
    "./srv",
  ]);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function treeOf(path: string): Promise<GuestTree> {
  await using file = await open(path, "r");
  const members = await readTarMembers(file);
  const tree = members.ok ? guestTree(members.value) : members;
  if (!tree.ok) throw new Error(JSON.stringify(tree.error));
  return tree.value;
}

async function entries(path: string): Promise<readonly TreeEntry[]> {
  const found = subtree(await treeOf(archivePath), path);
  if (!found.ok) throw new Error(JSON.stringify(found.error));
  return found.value;
}

/** What an archive for another guest holds, for `uid`, with all directories that may be missing. */
async function copied(trees: readonly PlacedTree[], uid: number): Promise<GuestTree> {
  await using file = await open(archivePath, "r");
  const directories = new Set(directoriesOf(treeItems(trees)));
  const { stream, outcome } = treeTar(file.fd, trees, { uid, gid: uid, directories, signal });
  const path = join(dir, "copied.tar");
  await writeFile(path, await buffer(stream));
  expect(await outcome).toEqual({ ok: true, value: undefined });
  return treeOf(path);
}

describe("an archive for another guest", () => {
  test("has the files at their destinations, with modes and owners for root", async () => {
    const tree = await copied([{ entries: await entries("/srv"), destination: "/opt/new" }], 0);
    const facts = [...tree.values()].map((entry) => [entry.path, entry.mode, entry.uid, entry.gid]);
    expect(facts).toEqual([
      ["opt", 0o755, 0, 0],
      ["opt/new", 0o755, 12, 34],
      ["opt/new/link", 0o777, 12, 34],
      ["opt/new/sub", 0o755, 12, 34],
      ["opt/new/sub/big", 0o644, 12, 34],
      ["opt/new/tool", 0o4711, 12, 34],
    ]);
    const big = tree.get("opt/new/sub/big");
    await using file = await open(join(dir, "copied.tar"), "r");
    const { buffer: bytes } = await file.read(Buffer.alloc(700_000), 0, 700_000, big?.offsetBytes);
    expect(bytes.equals(Buffer.alloc(700_000, "big"))).toBe(true);
  });

  test("is another user's as a whole, who gets no setuid file", async () => {
    const tree = await copied(
      [{ entries: await entries("/srv/tool"), destination: "/opt/t" }],
      1000,
    );
    expect(tree.get("opt/t")).toMatchObject({ mode: 0o711, uid: 1000, gid: 1000 });
  });

  test("lays sources on each other in their order", async () => {
    const trees = [
      { entries: await entries("/srv/tool"), destination: "/d/x" },
      { entries: await entries("/srv/sub"), destination: "/d/x" },
      { entries: await entries("/srv/link"), destination: "/d/y" },
    ];
    const tree = await copied(trees, 0);
    expect(tree.get("d/x")).toMatchObject({ kind: "directory", uid: 12 });
    expect(tree.get("d/y")).toMatchObject({ kind: "symlink", linkTarget: "/etc/passwd" });
  });

  test("has no entry for a directory that exists", async () => {
    const trees = [{ entries: await entries("/srv"), destination: "/opt" }];
    await using file = await open(archivePath, "r");
    const { stream } = treeTar(file.fd, trees, {
      uid: 0,
      gid: 0,
      directories: new Set(["/opt/sub"]),
      signal,
    });
    const path = join(dir, "copied.tar");
    await writeFile(path, await buffer(stream));
    expect([...(await treeOf(path)).keys()]).toEqual([
      "opt/link",
      "opt/sub",
      "opt/sub/big",
      "opt/tool",
    ]);
  });
});

describe("unpacking on the host", () => {
  async function unpackTo(target: string, files: readonly TreeEntry[]): Promise<void> {
    await using file = await open(archivePath, "r");
    await unpack(file.fd, files, target, signal);
  }

  test("gives plain files, directories and symlinks", async () => {
    const target = join(dir, "out");
    await unpackTo(target, await entries("/srv"));
    const tool = await lstat(join(target, "tool"));
    expect([tool.mode & 0o6111, tool.uid]).toEqual([0o111, process.getuid?.()]);
    expect((await readFile(join(target, "sub", "big"))).length).toBe(700_000);
    expect((await lstat(join(target, "link"))).isSymbolicLink()).toBe(true);
    expect((await readdir(dir)).filter((name) => name.startsWith(".vmbuild"))).toEqual([]);
  });

  test("replaces a file or a symlink, and what that leads to stays", async () => {
    const target = join(dir, "out");
    await writeFile(join(dir, "precious"), "precious");
    await symlink("precious", target);
    await unpackTo(target, await entries("/srv/tool"));
    expect(await readFile(target, "utf8")).toBe("#!/bin/sh\n");
    expect(await readFile(join(dir, "precious"), "utf8")).toBe("precious");
  });

  test("that fails leaves what was there, and nothing else", async () => {
    const target = join(dir, "out");
    await mkdir(join(target, "kept"), { recursive: true });
    await expect(unpackTo(target, await entries("/srv"))).rejects.toThrow("ENOTEMPTY");
    expect(await readdir(target)).toEqual(["kept"]);
    expect((await readdir(dir)).sort()).toEqual(["guest", "guest.tar", "out"]);
  });

  test("never writes through a symlink, whatever the tree says", async () => {
    const [top] = await entries("/srv");
    const [tool] = await entries("/srv/tool");
    if (top === undefined || tool === undefined) throw new Error("must be there");
    const evil: TreeEntry[] = [
      top,
      { ...tool, path: "srv/a", kind: "symlink", linkTarget: dir },
      { ...tool, path: "srv/a/escaped" },
    ];
    await expect(unpackTo(join(dir, "out"), evil)).rejects.toThrow("ENOENT");
    expect(await readdir(dir)).not.toContain("escaped");
  });

  test("is told what stands in the way", async () => {
    await mkdir(join(dir, "empty"));
    expect(await inTheWay(join(dir, "empty"))).toBeUndefined();
    expect(await inTheWay(join(dir, "nothing"))).toBeUndefined();
    expect(await inTheWay(archivePath)).toBeUndefined();
    expect(await inTheWay(dir)).toBe("the directory there is not empty");
    expect(await inTheWay("/dev/null")).toBe("it is a device, a FIFO or a socket");
  });
});
