import { expect, test } from "vitest";
import { unifiedDiff } from "./diff-contents.ts";

test("text is compared line by line", () => {
  const diff = unifiedDiff("/etc/x", Buffer.from("a\nb\nc\n"), Buffer.from("a\nB\nc"));
  expect(diff?.split("\n")).toEqual([
    "--- a/etc/x",
    "+++ b/etc/x",
    "@@ -1,3 +1,3 @@",
    " a",
    "-b",
    "-c",
    "+B",
    "+c",
    "\\ No newline at end of file",
    "",
  ]);
});

test.each<[what: string, before: Buffer | undefined, after: Buffer | undefined]>([
  ["what is not there", undefined, Buffer.from("a")],
  ["bytes that are no UTF-8", Buffer.from([0xff, 0xfe]), Buffer.from("a")],
  ["what has a NUL", Buffer.from("a"), Buffer.from("a\0")],
  [
    "more differences than anybody reads",
    Buffer.from(Array.from({ length: 5000 }, (_, n) => `a${n}`).join("\n")),
    Buffer.from(Array.from({ length: 5000 }, (_, n) => `b${n}`).join("\n")),
  ],
])("%s has no difference in lines", (_, before, after) => {
  expect(unifiedDiff("/x", before, after)).toBeUndefined();
});
