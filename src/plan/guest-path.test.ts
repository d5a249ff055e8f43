import { describe, expect, test } from "vitest";
import { namesDirectory, resolveGuestPath, sourcePath, withForwardSlashes } from "./guest-path.ts";

describe("resolveGuestPath", () => {
  test.each([
    ["/", "/src", "/src"],
    ["/a", "b", "/a/b"],
    ["/", "b", "/b"],
    ["/a", "", "/a"],
    ["/a", ".", "/a"],
    ["/a", "./b/./c/", "/a/b/c"],
    ["/a", "//b//c", "/b/c"],
    ["/a", "/", "/"],
    ["/a", "../b", "/a/../b"],
    ["/a", "/b/..", "/b/.."],
    ["/a", "b\\c", "/a/b\\c"],
    ["/a", "~", "/a/~"],
    ["/a", "C:", "/a/C:"],
    ["/a", "C:/b", "C:\\b"],
    ["/a", "C:\\b\\.\\c\\", "C:\\b\\c"],
    ["C:\\", "src", "C:\\src"],
    ["C:\\a", "b/c\\d", "C:\\a\\b\\c\\d"],
    ["C:\\a", "/b", "C:\\b"],
    ["C:\\a", "\\b", "C:\\b"],
    ["C:\\a", "D:/b", "D:\\b"],
    ["C:\\a", "", "C:\\a"],
    ["C:/", ".", "C:\\"],
    ["C:\\a", "C:b", "C:\\a\\b"],
    ["C:\\a", "c:", "C:\\a"],
    ["C:\\a", "D:b\\c", "D:\\b\\c"],
    ["C:\\a", "D:", "D:\\"],
    ["C:\\a", "..\\b", "C:\\a\\..\\b"],
  ])("from %j, %j is %j", (base, path, expected) => {
    expect(resolveGuestPath(base, path)).toBe(expected);
  });

  test("what it gives back stays as it is", () => {
    for (const path of ["/", "/a/../b", "C:\\", "C:\\a\\b"]) {
      expect(resolveGuestPath("/elsewhere", path)).toBe(path);
    }
  });
});

test.each([
  ["/a\\b", "/a\\b"],
  ["C:\\a\\b", "C:/a/b"],
  ["C:\\", "C:/"],
])("withForwardSlashes(%j) is %j", (path, expected) => {
  expect(withForwardSlashes(path)).toBe(expected);
});

test.each([
  ["", ""],
  [".", ""],
  ["/", ""],
  ["./", ""],
  ["a", "a"],
  ["/a//b/./c/", "a/b/c"],
  ["a/../b", "a/../b"],
  ["...", "..."],
])("sourcePath(%j) is %j", (path, expected) => {
  expect(sourcePath(path)).toBe(expected);
});

test.each([
  ["/", "a/", true],
  ["/", "a", false],
  ["/", "a\\", false],
  ["C:\\", "a\\", true],
  ["/", "C:\\a\\", true],
  ["C:\\", "a", false],
])("namesDirectory(%j, %j) is %j", (base, path, expected) => {
  expect(namesDirectory(base, path)).toBe(expected);
});
