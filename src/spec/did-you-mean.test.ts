import { expect, test } from "vitest";
import { nearest, suggest } from "./did-you-mean.ts";

const ops = ["comment", "workdir", "shell", "env", "user", "run", "copy"];

test.each([
  ["rnu", "run"],
  ["RUN", "run"],
  ["ru", "run"],
  ["cpoy", "copy"],
  ["Workdir", "workdir"],
  ["wrkdr", undefined],
  ["workdr", "workdir"],
  ["cat", undefined],
  ["", undefined],
  ["shelll", "shell"],
])("%s was meant to be %s", (word, expected) => {
  expect(nearest(word, ops)).toBe(expected);
});

test("what is nearer wins, and of equally near ones the first", () => {
  expect(nearest("dev2", ["dev1", "dev2"])).toBe("dev2");
  expect(nearest("devx", ["dev1", "dev2"])).toBe("dev1");
});

test("what is too long to be a typo is not compared", () => {
  expect(nearest(`run${"n".repeat(100)}`, ["run", `run${"n".repeat(101)}`])).toBeUndefined();
});

test.each([
  ["rnu", ["run", "env"], "did you mean `run`?"],
  ["x", ["dev"], "expected `dev`"],
  ["nothing", ["a b", "c"], 'expected one of `"a b"`, `c`'],
  [
    "nothing",
    "abcdefghijklm".split(""),
    "expected one of `a`, `b`, `c`, `d`, `e`, `f`, `g`, `h`, `i`, `j`, …",
  ],
])("the hint for %s among %j", (word, candidates, hint) => {
  expect(suggest(word, candidates)).toBe(hint);
});
