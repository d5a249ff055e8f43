import { expect, test } from "vitest";
import { cacheDirName, parseCacheDirName } from "./cache-name.ts";

test.each([
  ["npm", "c-npm"],
  ["", "c-"],
  [".", "c-."],
  ["..", "c-.."],
  ["a/b", "c-a%2Fb"],
  ["100%", "c-100%25"],
  ["~", "c-%7E"],
  ["ü", "c-%C3%BC"],
])("%j is kept in %s", (name, dir) => {
  expect(cacheDirName(name)).toBe(dir);
  expect(parseCacheDirName(dir)).toEqual({ name });
});

test("a long name fits a file system and keeps its own directory", () => {
  const names = ["x".repeat(201), "x".repeat(202), "/".repeat(100)];
  const dirs = names.map(cacheDirName);
  expect(new Set(dirs).size).toBe(3);
  for (const dir of dirs) {
    expect(Buffer.byteLength(dir)).toBeLessThan(255);
    expect(parseCacheDirName(dir)).toBe("kept-in-file");
  }
  expect(parseCacheDirName(cacheDirName("x".repeat(200)))).toEqual({ name: "x".repeat(200) });
});

test.each(["lost+found", "npm", "c-%", "c-%2f", "c-a b"])("%j is no cache", (entry) => {
  expect(parseCacheDirName(entry)).toBeUndefined();
});
