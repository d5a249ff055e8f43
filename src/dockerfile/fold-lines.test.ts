import { expect, test } from "vitest";
import { foldLines } from "./fold-lines.ts";

test.each<[string, string[]]>([
  ["make", ["make"]],
  [" \n  make\n", ["make"]],
  ["", []],
  ["a &&\n  b ||\t\n\n c |\nd", ["a &&", "b ||", "c |", "d"]],
  [`echo "a # b" 'c' \\" &&\n b # why`, [`echo "a # b" 'c' \\" &&`, "b # why"]],
  ["echo a#b $# ${x#y} &&\n b", ["echo a#b $# ${x#y} &&", "b"]],
])("the breaks of %j mean nothing", (command, lines) => {
  expect(foldLines(command)).toEqual(lines);
});

test.each([
  "a\nb",
  "a;\nb",
  "a &\nb",
  "a \\\n && b",
  "echo a >|\nb",
  "echo \\&&\\&\nb",
  `echo "a &&\n b"`,
  "echo 'a &&\n b'",
  `echo "a 'b &&\n c"`,
  "a # no &&\nb",
  "a && #\nb &&\n c",
  "a &&\n# no\n",
  "a \\|\nb",
  "cat <<A |\nx\nA\nb",
  "echo $'it\\'s' &&\n b",
  "echo ${a:-b &&\n c}",
])("those of %j may mean something", (command) => {
  expect(foldLines(command)).toBeUndefined();
});

test.each([
  `a &&\n${"${".repeat(1_000_000)}}`,
  `${"${".repeat(500_000)}}\nb`,
  `a${" ".repeat(1_000_000)}b &&\nc`,
  `a &&\n'${'"'.repeat(1_000_000)}\nb`,
  "a &&\n".repeat(300_000),
])("a long command is scanned once: %.20j", (command) => {
  expect(() => foldLines(command)).not.toThrow();
});
