import { expect, test } from "vitest";
import { lineSplitter } from "./qmp-framing.ts";

test.each([
  ["one line", ["a\n"], [["a"]]],
  ["two in one piece", ["a\r\nb\r\n"], [["a", "b"]]],
  ["one in two pieces", ["a", "b\n"], [[], ["ab"]]],
  ["an end and a beginning", ["a\nb", "c\n"], [["a"], ["bc"]]],
  ["blank lines", ["\r\n\n a \n"], [["a"]]],
] as const)("splits %s", (_name, pieces, lines) => {
  const splitter = lineSplitter(100);
  expect(pieces.map((piece) => splitter.push(Buffer.from(piece)))).toEqual(lines);
});

test("a character cut in two is whole again", () => {
  const splitter = lineSplitter(100);
  const bytes = Buffer.from("ü\n");
  splitter.push(bytes.subarray(0, 1));
  expect(splitter.push(bytes.subarray(1))).toEqual(["ü"]);
});

test("a line may be as long as the limit and no longer", () => {
  expect(lineSplitter(3).push(Buffer.from("abc"))).toEqual([]);
  expect(lineSplitter(3).push(Buffer.from("abcd"))).toBe("too-long");
});
