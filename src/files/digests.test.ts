import { expect, test } from "vitest";
import { digestScript, parseDigests } from "./digests.ts";

test("names of several lines are read by themselves, and none is taken for an option", () => {
  const script = digestScript(["/a b", "/c", "/d\ne", "/f"]);
  expect(script).toContain("sha256sum -- '/a b' /c ||");
  expect(script).toContain("sha256sum <'/d\ne' ||");
  expect(script).toContain("sha256sum -- /f ||");
});

test("an answer has one digest for each path", () => {
  const [a, b] = ["a".repeat(64), "b".repeat(64)];
  expect(parseDigests(Buffer.from(`${a}\n${b}\n\0\0`), 2)).toEqual([a, b]);
  expect(() => parseDigests(Buffer.from(`${a}\n`), 2)).toThrow("torn");
});
