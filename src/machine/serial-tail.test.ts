import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { printableTail, readSerialTail } from "./serial-tail.ts";

test.each([
  ["colours", "\u001b[1;31mpanic\u001b[0m", "panic"],
  ["a screen mode", "\u001b[=3hBdsDxe\u001b(B", "BdsDxe"],
  ["a window title that is not ended", "text\u001b]0;title", "text"],
  ["a sequence that is cut off", "text\u001b[1;3", "text"],
  ["a screen that is cleared", "\u001b[2J\u001b[HSeaBIOS", "SeaBIOS"],
  ["a window title", "\u001b]0;title\u0007text", "text"],
  ["control characters", "a\u0000b\u0008c\u009bd\te", "abcd\te"],
  ["marks that turn text around", "a\u202eb\u2066c", "abc"],
  ["both kinds of line end, and blank lines", "a\r\n\r\n  \nb\rc\n", "a\nb\nc"],
  ["a very long line", "x".repeat(1_000), "x".repeat(400)],
])("%s", (_name, text, tail) => {
  expect(printableTail(text)).toBe(tail);
});

test("only the last lines are kept", () => {
  expect(printableTail("a\nb\nc\nd\n", 2)).toBe("c\nd");
});

test("of a large log only the end is read", async () => {
  const dir = await mkdtemp(path.join(tmpdir(), "vmbuild-serial-"));
  const log = path.join(dir, "serial.log");
  await writeFile(log, `${"first\n".repeat(100_000)}last\n`);
  const tail = (await readSerialTail(log)).split("\n");
  await rm(dir, { recursive: true });
  expect(tail).toHaveLength(30);
  expect(tail.at(-1)).toBe("last");
});

test("a log that is not there is empty", async () => {
  expect(await readSerialTail("/nonexistent/serial.log")).toBe("");
});
