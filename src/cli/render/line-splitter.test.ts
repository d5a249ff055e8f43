import { describe, expect, test } from "vitest";
import { LineSplitter } from "./line-splitter.ts";

/** All lines of a text that arrives in pieces of `size` bytes. */
function linesOf(text: string, size: number, maxLength = 10): string[] {
  const splitter = new LineSplitter(maxLength);
  const bytes = Buffer.from(text);
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    lines.push(...splitter.push(bytes.subarray(at, at + size)));
  }
  return [...lines, ...splitter.end()];
}

describe.each([1, 2, 3, 1000])("in pieces of %i bytes", (size) => {
  test.each([
    ["lines", "a\nb\n", ["a", "b"]],
    ["no newline at the end", "a\nb", ["a", "b"]],
    ["empty lines", "\n\na\n", ["", "", "a"]],
    ["CRLF and CR", "a\r\nb\rc\r\n", ["a", "b", "c"]],
    ["characters of several bytes", "äö€\n😀\n", ["äö€", "😀"]],
    ["a long line", "0123456789abc\n", ["0123456789", "abc"]],
    ["exactly the longest line", "0123456789\nx\n", ["0123456789", "x"]],
    ["nothing", "", []],
  ])("%s", (_, text, lines) => {
    expect(linesOf(text, size)).toEqual(lines);
  });
});

test.each([
  ["colours", "\u001b[31mred\u001b[0m\n", "red"],
  ["a title", "\u001b]0;title\u0007text\n", "text"],
  ["cursor movement", "a\u001b[2Jb\u001b[10;10Hc\n", "abc"],
  ["bells, NUL and backspace", "a\u0007\0b\u0008c\n", "abc"],
  ["C1 controls", "a\u009bb\n", "ab"],
  ["tabs stay", "a\tb\n", "a\tb"],
])("%s cannot reach the terminal", (_, text, line) => {
  expect(linesOf(text, 1000, 1000)).toEqual([line]);
});

test("a line without end is cut as it comes and never kept", () => {
  const splitter = new LineSplitter(1000);
  const chunk = Buffer.alloc(100_000, "x");
  let length = 0;
  for (let count = 0; count < 100; count++) {
    for (const line of splitter.push(chunk)) {
      expect(line.length).toBeLessThanOrEqual(1000);
      length += line.length;
    }
  }
  for (const line of splitter.end()) length += line.length;
  expect(length).toBe(10_000_000);
});
