import { expect, test } from "vitest";
import { compareFiles, undecided } from "./compare.ts";
import type { ListedEntry } from "./listing.ts";

/** A file, unless it is said otherwise. */
const entry = (path: string, other: Partial<ListedEntry> = {}): ListedEntry => ({
  path,
  type: "file",
  mode: 0o644,
  uid: 0,
  gid: 0,
  sizeBytes: 1,
  modifiedAt: 0,
  ...other,
});

test("contents are read where nothing else tells: of files of one size that are not the same inode", () => {
  const before = [
    entry("/same", { identity: "1 x" }),
    entry("/written", { identity: "2 x" }),
    entry("/coarse"),
    entry("/empty", { sizeBytes: 0 }),
    entry("/grown"),
    entry("/dir", { type: "directory" }),
    entry("/gone"),
  ];
  const after = [
    entry("/same", { identity: "1 x" }),
    entry("/written", { identity: "2 y" }),
    entry("/coarse"),
    entry("/empty", { sizeBytes: 0 }),
    entry("/grown", { sizeBytes: 2 }),
    entry("/dir", { type: "directory" }),
    entry("/new"),
  ];
  expect(undecided(before, after)).toEqual(["/written", "/coarse"]);
  const changes = compareFiles(before, after, (path) => path === "/written");
  expect(changes.map(({ change, path }) => `${change} ${path}`)).toEqual([
    "removed /gone",
    "modified /grown",
    "added /new",
    "modified /written",
  ]);
  expect(changes.at(-1)).toMatchObject({ differences: ["content"] });
});

test.each<[string, Partial<ListedEntry>, Partial<ListedEntry>, readonly string[]]>([
  ["mode and owner", { mode: 0o600, uid: 1 }, { mode: 0o644, gid: 2 }, ["mode", "owner"]],
  ["a size", { sizeBytes: 1 }, { sizeBytes: 2 }, ["size"]],
  ["another type, and no more", { type: "directory" }, { mode: 0o777 }, ["type"]],
  [
    "where it leads",
    { type: "symlink", target: "a" },
    { type: "symlink", target: "b" },
    ["target"],
  ],
  ["a directory's size", { type: "directory" }, { type: "directory", sizeBytes: 9 }, []],
  ["a symlink's mode", { type: "symlink", mode: 0 }, { type: "symlink", mode: 0o777 }, []],
  ["a time", { identity: "1 x", modifiedAt: 1 }, { identity: "1 x", modifiedAt: 2 }, []],
])("%s", (_, before, after, differences) => {
  const changes = compareFiles([entry("/x", before)], [entry("/x", after)], () => false);
  expect(changes.flatMap((change) => ("differences" in change ? change.differences : []))).toEqual(
    differences,
  );
});
