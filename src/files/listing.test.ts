import { expect, test } from "vitest";
import { listingBytes, parseListing } from "./listing.ts";

/** What the machine writes: sizes, names, facts, texts of symlinks; and zeros to the end of a sector. */
function answer(entries: readonly (readonly [name: string, facts: string, target?: string])[]) {
  const names = entries.map(([name]) => `${name}\0`).join("");
  const facts = entries.map(([, text]) => `${text}\n`).join("");
  const links = entries.flatMap(([name, , target]) =>
    target === undefined ? [] : `'${name}' -> '${target}'\n`,
  );
  const parts = [names, facts, links.join("")].map((text) => Buffer.from(text));
  const head = `${parts.map(({ length }) => length).join(" ")}\n`;
  return Buffer.concat([Buffer.from(head), ...parts, Buffer.alloc(100)]);
}

test("entries of every type, in the order of their paths", () => {
  const bytes = answer([
    ["/a", "41ed 0 0 4096 1"],
    ["/a/z\nz", "81a4 1000 1001 5 2 13 2026-11-27 02:10:50.000000000 +0000"],
    ["/a-b", "a1ff 0 0 3 3", "b'\n\tc"],
    ["/a/b", "8fff 0 0 0 4"],
    ["/a/c", "a1ff 0 0 1 5 12 2026-11-27 02:10:50.120000000 +0000", "/"],
  ]);
  expect(listingBytes(bytes)).toBe(bytes.length - 100);
  expect(parseListing(bytes)).toEqual([
    { path: "/a", type: "directory", mode: 0o755, uid: 0, gid: 0, sizeBytes: 4096, modifiedAt: 1 },
    { path: "/a/b", type: "file", mode: 0o7777, uid: 0, gid: 0, sizeBytes: 0, modifiedAt: 4 },
    {
      path: "/a/c",
      type: "symlink",
      mode: 0o777,
      uid: 0,
      gid: 0,
      sizeBytes: 1,
      modifiedAt: 5,
      identity: "12 2026-11-27 02:10:50.120000000 +0000",
      target: "/",
    },
    {
      path: "/a/z\nz",
      type: "file",
      mode: 0o644,
      uid: 1000,
      gid: 1001,
      sizeBytes: 5,
      modifiedAt: 2,
    },
    {
      path: "/a-b",
      type: "symlink",
      mode: 0o777,
      uid: 0,
      gid: 0,
      sizeBytes: 3,
      modifiedAt: 3,
      target: "b'\n\tc",
    },
  ]);
});

test.each([
  ["1fb6", "fifo"],
  ["1180", "fifo"],
  ["c1ed", "socket"],
  ["61b0", "block-device"],
  ["2190", "character-device"],
])("a mode of %s is a %s", (mode, type) => {
  expect(parseListing(answer([["/x", `${mode} 0 0 0 0`]]))).toMatchObject([{ type }]);
});

test("an answer that is none is not taken for an empty one", () => {
  expect(() => parseListing(Buffer.alloc(512))).toThrow("without its sizes");
  expect(() => parseListing(Buffer.from("3 0 0\n/a\0"))).toThrow("torn");
});
