import { expect, test } from "vitest";
import { Problems } from "../spec/problems.ts";
import { readYaml, type YamlPath } from "./yaml-source.ts";

test.each<[text: string, path: YamlPath, expected: string | undefined]>([
  ["a: 9.10", ["a"], "9.10"],
  ["a: 0x1F", ["a"], "0x1F"],
  ["a: 2024-01-02", ["a"], "2024-01-02"],
  ["a: yes", ["a"], "yes"],
  ['a: "x\\ty"', ["a"], "x\ty"],
  ["a: [1.0, b]", ["a", 0], "1.0"],
  ["a: &x 1.0\nb: *x", ["b"], "1.0"],
  ["a: &x {c: text}\nb: {<<: *x}", ["b", "c"], "text"],
  ["a: &x {c: 1.0}\nb: {<<: *x}", ["b", "c"], "1.0"],
  ["a: &x {c: 1.0}\nb: &y {d: 2.0}\nc: {<<: [*y, *x]}", ["c", "c"], "1.0"],
  ["1: 2.0", ["1"], "2.0"],
  ["a: ~", ["a"], undefined],
  ["a: {b: c}", ["a"], undefined],
  ["a: b", ["c", "d"], undefined],
])("%s as a text", (text, path, expected) => {
  expect(readYaml(new Problems({ name: "x", text }))?.textOf(path)).toBe(expected);
});
