import { describe, expect, test } from "vitest";
import { type GuestTree, guestTree, subtree } from "./guest-tree.ts";
import type { TarMember } from "./tar-members.ts";

function member(path: string, kind: TarMember["kind"] = "file", linkTarget = ""): TarMember {
  return { path, kind, linkTarget, mode: 0o644, uid: 1, gid: 2, sizeBytes: 0, offsetBytes: 0 };
}

function tree(...members: readonly TarMember[]): GuestTree {
  const made = guestTree(members);
  if (!made.ok) throw new Error(JSON.stringify(made.error));
  return made.value;
}

function paths(entries: ReturnType<typeof subtree>): readonly string[] {
  if (!entries.ok) throw new Error(JSON.stringify(entries.error));
  return entries.value.map(({ path }) => path);
}

const srv = tree(
  member("srv", "directory"),
  member("srv/skip", "directory"),
  member("srv/skip/below"),
  member("srv/site", "directory"),
  member("srv/site/skip"),
  member("srv/site/page"),
  member("srv2"),
);

describe("a subtree", () => {
  test("is the path and what lies below, parents first", () => {
    expect(paths(subtree(srv, "/srv/site"))).toEqual([
      "srv/site",
      "srv/site/page",
      "srv/site/skip",
    ]);
    expect(paths(subtree(srv, "/srv2"))).toEqual(["srv2"]);
  });

  test("lacks the excluded names at any depth, but never is one itself", () => {
    expect(paths(subtree(srv, "/srv", ["skip"]))).toEqual(["srv", "srv/site", "srv/site/page"]);
    expect(paths(subtree(srv, "/srv/skip", ["skip"]))).toEqual(["srv/skip", "srv/skip/below"]);
  });

  test("of what is not there is missing", () => {
    const missing = { ok: false, error: { reason: "path-missing", path: "/sr" } };
    expect(subtree(srv, "/sr")).toEqual(missing);
  });

  test("of everything is everything", () => {
    const all = tree(member("", "directory"), member("a"), member("d", "directory"), member("d/b"));
    expect(paths(subtree(all, "/"))).toEqual(["", "a", "d", "d/b"]);
  });

  test("with a device is refused, unless it is excluded", () => {
    const dev = tree(member("d", "directory"), member("d/null", "special"), member("d/f"));
    const refused = { ok: false, error: { reason: "special-file", path: "/d/null" } };
    expect(subtree(dev, "/d")).toEqual(refused);
    expect(paths(subtree(dev, "/d", ["null"]))).toEqual(["d", "d/f"]);
  });

  test("whose directories are not all there is refused", () => {
    expect(subtree(tree(member("d", "directory"), member("d/e/f")), "/d")).toMatchObject({
      error: { reason: "archive-invalid", message: "d/e/f comes without its directory" },
    });
  });
});

describe("members", () => {
  test("that come twice are what came last", () => {
    const twice = tree(member("a", "symlink", "x"), member("a"));
    expect(twice.get("a")).toMatchObject({ kind: "file" });
  });

  test("that are hard links are files of their own, also when they link to themselves", () => {
    const first = { ...member("a"), offsetBytes: 512, sizeBytes: 3 };
    const linked = tree(first, member("b", "hard-link", "a"), member("b", "hard-link", "b"));
    expect(linked.get("b")).toEqual({ ...first, path: "b" });
  });

  test.each<[string, readonly TarMember[]]>([
    ["a file below a symlink", [member("a", "symlink", "/etc"), member("a/passwd")]],
    [
      "a file below what becomes a symlink",
      [member("a", "directory"), member("a/b/c"), member("a", "symlink", "/etc")],
    ],
    ["a file below a file", [member("a"), member("a/b")]],
    ["a link to nothing", [member("b", "hard-link", "a")]],
    ["a link to a directory", [member("a", "directory"), member("b", "hard-link", "a")]],
    ["a link to itself", [member("b", "hard-link", "b")]],
    ["anything below a root that is none", [member("", "symlink", "/etc"), member("passwd")]],
  ])("are refused when they are %s", (_, members) => {
    expect(guestTree(members)).toMatchObject({ ok: false, error: { reason: "archive-invalid" } });
  });
});
