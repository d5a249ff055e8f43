import { describe, expect, test } from "vitest";
import type { ManifestEntry } from "../plan/manifest.ts";
import type { CopyItem } from "../plan/step.ts";
import { directoriesOf, tarEntries } from "./tar-entries.ts";

function file(path: string): ManifestEntry {
  return { kind: "file", path, sizeBytes: 0, executable: false, digest: "" };
}

function directory(path: string): ManifestEntry {
  return { kind: "directory", path };
}

function link(path: string, target: string): ManifestEntry {
  return { kind: "symlink", path, target };
}

function item(source: string, destination: string, ...entries: ManifestEntry[]): CopyItem {
  return { manifest: { source, entries, digest: "" }, destination };
}

/** Each entry as one word: `dir/`, `link>`, or a file with where its content comes from. */
function laid(...items: CopyItem[]): string[] {
  return tarEntries(items).map((entry) => {
    if (entry.kind === "directory") return `${entry.path}/`;
    return entry.kind === "symlink" ? `${entry.path}>` : `${entry.path}=${entry.source}`;
  });
}

describe("tarEntries", () => {
  test("a file brings the ancestors of its destination", () => {
    expect(laid(item("src/a", "/opt/app/b", file("")))).toEqual([
      "/opt/",
      "/opt/app/",
      "/opt/app/b=src/a",
    ]);
  });

  test("the context's contents can go into the root", () => {
    expect(laid(item("", "/", directory(""), directory("d"), file("d/f")))).toEqual([
      "/d/",
      "/d/f=d/f",
    ]);
  });

  test("a Windows drive is a root", () => {
    expect(laid(item("", "C:/", directory(""), file("f")))).toEqual(["C:/f=f"]);
    expect(laid(item("f", "C:/a/f", file("")))).toEqual(["C:/a/", "C:/a/f=f"]);
  });

  test("parents come before children, whatever the order of the items", () => {
    const below = item("x", "/a/b/c", directory(""), file("f"));
    const above = item("y", "/a", directory(""), directory("b"), file("b/g"));
    expect(laid(below, above)).toEqual(["/a/", "/a/b/", "/a/b/c/", "/a/b/c/f=x/f", "/a/b/g=y/b/g"]);
  });

  test("a file that would be the root is left for tar to refuse", () => {
    expect(laid(item("f", "/", file("")))).toEqual(["/=f"]);
  });
});

describe("of two items on one place", () => {
  const one = item("one", "/d", directory(""), file("a"), file("b"));

  test("directories merge and the later file wins", () => {
    const two = item("two", "/d", directory(""), file("b"), file("c"));
    expect(laid(one, two)).toEqual(["/d/", "/d/a=one/a", "/d/b=two/b", "/d/c=two/c"]);
    expect(laid(two, one)).toEqual(["/d/", "/d/a=one/a", "/d/b=one/b", "/d/c=two/c"]);
  });

  test("a later file replaces a directory and all in it", () => {
    expect(laid(one, item("f", "/d", file("")), item("g", "/d2", file("")))).toEqual([
      "/d=f",
      "/d2=g",
    ]);
  });

  test("a later directory replaces a file or a link", () => {
    expect(laid(item("f", "/d", file("")), one)).toEqual(["/d/", "/d/a=one/a", "/d/b=one/b"]);
    expect(laid(item("l", "/d", link("", "x")), one)).toEqual(["/d/", "/d/a=one/a", "/d/b=one/b"]);
  });

  test("an ancestor replaces a file, but is written through a link", () => {
    const inside = item("f", "/d/f", file(""));
    expect(laid(item("x", "/d", file("")), inside)).toEqual(["/d/", "/d/f=f"]);
    expect(laid(item("x", "/d", link("", "e")), inside)).toEqual(["/d>", "/d/f=f"]);
  });
});

test("directoriesOf names every directory once, parents first", () => {
  const items = [
    item("a", "/srv/www/a", directory(""), directory("img"), link("l", "img")),
    item("b", "/srv/b", file("")),
  ];
  expect(directoriesOf(items)).toEqual(["/srv", "/srv/www", "/srv/www/a", "/srv/www/a/img"]);
  expect(directoriesOf([item("", "/", directory(""))])).toEqual([]);
  expect(directoriesOf([])).toEqual([]);
});
