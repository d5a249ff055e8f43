import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, open, rm, symlink, link, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { tarEnd, tarHeader, tarPadding } from "../context/tar-header.ts";
import { readTarMembers, type TarLimits } from "./tar-members.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-members-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const facts = { mode: 0o644, uid: 0, gid: 0, mtime: 0, sizeBytes: 0 };

async function read(archive: Uint8Array, limits?: TarLimits) {
  const path = join(dir, "archive.tar");
  await writeFile(path, archive);
  await using file = await open(path, "r");
  return await readTarMembers(file, limits);
}

async function readAll(...parts: readonly Buffer[]) {
  return read(Buffer.concat(parts));
}

/** A member with its content. */
function file(name: string | Buffer, content = ""): Buffer {
  const sizeBytes = Buffer.byteLength(content);
  return Buffer.concat([
    tarHeader({ ...facts, type: "file", name, sizeBytes }),
    Buffer.from(content),
    tarPadding(sizeBytes),
  ]);
}

function pax(records: string, typeFlag = "x"): Buffer {
  const block = file("pax", records);
  block.write(typeFlag, 156, "latin1");
  return withChecksum(block);
}

function withChecksum(block: Buffer): Buffer {
  block.fill(" ", 148, 156);
  let sum = 0;
  for (const byte of block.subarray(0, 512)) sum += byte;
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

const invalid = (message: unknown = expect.any(String)) => ({
  ok: false,
  error: { reason: "archive-invalid", message },
});

describe("an archive of the host's tar", () => {
  const deep = join(...Array.from({ length: 12 }, (_, index) => `directory-number-${index}`));

  test.each(["gnu", "ustar", "pax", "v7"])("in the format %s is listed", async (format) => {
    const tree = join(dir, "tree");
    const below = format === "gnu" || format === "pax" ? deep : "sub";
    await mkdir(join(tree, below), { recursive: true });
    await writeFile(join(tree, below, "file"), "content", { mode: 0o750 });
    await symlink("file", join(tree, below, "link"));
    await link(join(tree, below, "file"), join(tree, below, "linked"));
    const archive = join(dir, "made.tar");
    await execa("tar", ["-cf", archive, `--format=${format}`, "--sort=name", "-C", tree, "."]);
    await using handle = await open(archive, "r");
    const members = await readTarMembers(handle);
    if (!members.ok) throw new Error(JSON.stringify(members.error));
    expect(members.value.find(({ path }) => path === "")).toMatchObject({ kind: "directory" });
    const [first, symlinked, linked] = members.value.slice(-3);
    expect(first).toMatchObject({ path: `${below}/file`, kind: "file", mode: 0o750, sizeBytes: 7 });
    expect(symlinked).toMatchObject({ kind: "symlink", linkTarget: "file" });
    expect(linked).toMatchObject({ kind: "hard-link", linkTarget: `${below}/file`, sizeBytes: 0 });
    const { buffer } = await handle.read(Buffer.alloc(7), 0, 7, first?.offsetBytes);
    expect(buffer.toString()).toBe("content");
  });
});

test("ids beyond octal, long names and content behind the end are read as they are meant", async () => {
  const name = `${"x".repeat(120)}/${"y".repeat(200)}`;
  const header = tarHeader({ ...facts, type: "file", name, uid: 4_000_000_000, gid: 2_097_152 });
  const members = await readAll(header, tarEnd(), randomBytes(5000));
  expect(members).toMatchObject({
    ok: true,
    value: [{ path: name, uid: 4_000_000_000, gid: 2_097_152 }],
  });
});

describe("a hostile archive", () => {
  test.each<[string, readonly Buffer[], unknown?]>([
    ["is empty", [], "it is cut off"],
    ["ends without its end", [file("a")], "it is cut off"],
    [
      "claims more than there is",
      [tarHeader({ ...facts, type: "file", name: "a", sizeBytes: 2 ** 50 })],
      "it is cut off",
    ],
    ["has no header", [randomBytes(512), tarEnd()], "there is no header at byte 0"],
    ["leads up", [file("a/../../b"), tarEnd()], "a name leads out of it"],
    ["leads up absolutely", [file("/../etc/passwd"), tarEnd()], "a name leads out of it"],
    [
      "links up",
      [tarHeader({ ...facts, type: "hard-link", name: "a", linkTarget: "../b" }), tarEnd()],
      "a name leads out of it",
    ],
    ["has a link to nothing", [tarHeader({ ...facts, type: "symlink", name: "a" }), tarEnd()]],
    [
      "has a pax name that leads up",
      [pax("13 path=../b\n"), file("a"), tarEnd()],
      "a name leads out of it",
    ],
    ["has a NUL in a pax name", [pax("12 path=a\0b\n"), file("a"), tarEnd()], "a name has a NUL"],
    [
      "has a pax size that is none",
      [pax("13 size=1e99\n"), file("a"), tarEnd()],
      "a pax header is damaged",
    ],
    [
      "has pax records of a false length",
      [pax("99 path=b\n"), file("a"), tarEnd()],
      "a pax header is damaged",
    ],
    [
      "has pax records without a length",
      [pax("0 path=b\n"), file("a"), tarEnd()],
      "a pax header is damaged",
    ],
    [
      "has a sparse file",
      [pax("22 GNU.sparse.major=1\n"), file("a"), tarEnd()],
      "it holds sparse files",
    ],
    ["has a member of no known type", [pax("", "S"), tarEnd()]],
  ])("%s", async (_, parts, message) => {
    expect(await readAll(...parts)).toEqual(invalid(message));
  });

  test("is not followed into a name of megabytes", async () => {
    const block = file("././@LongLink", "x".repeat(100_000));
    block.write("L", 156, "latin1");
    expect(await readAll(withChecksum(block), file("a"), tarEnd())).toEqual(
      invalid("a name is too long"),
    );
  });

  test("has no more members and names than the limits", async () => {
    const archive = Buffer.concat([file("a"), file("b"), file("c"), tarEnd()]);
    const tooMany = invalid("it has too many members");
    expect(await read(archive, { members: 2, nameBytes: 100 })).toEqual(tooMany);
    expect(await read(archive, { members: 3, nameBytes: 2 })).toEqual(tooMany);
    expect(await read(archive, { members: 3, nameBytes: 3 })).toMatchObject({ ok: true });
  });

  test("has a name that is no UTF-8", async () => {
    expect(await readAll(file(Buffer.from("a\xff", "latin1")), tarEnd())).toEqual({
      ok: false,
      error: { reason: "name-not-utf8", path: "a�" },
    });
  });

  test("of any bytes gives an answer", async () => {
    const whole = Buffer.concat([
      file("a", "content"),
      pax("9 path=b\n"),
      file("c", "x"),
      tarEnd(),
    ]);
    for (let round = 0; round < 300; round++) {
      const archive = Buffer.from(whole);
      const at = randomBytes(2).readUInt16LE() % archive.length;
      archive[at] = randomBytes(1).readUInt8();
      const header = at - (at % 512);
      const fixed =
        round % 2 === 0 ? withChecksum(archive.subarray(header, header + 512)) : archive;
      fixed.copy(archive, round % 2 === 0 ? header : 0);
      const members = await read(archive);
      const paths = members.ok ? members.value.map(({ path }) => path) : [];
      for (const path of paths) expect(path.split("/")).not.toContain("..");
    }
  });
});
