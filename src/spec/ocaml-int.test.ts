import { expect, test } from "vitest";
import { parseOcamlInt } from "./ocaml-int.ts";

// Each row was put to OCaml's `int_of_string`.
test.each([
  ["0", 0],
  ["1000", 1000],
  ["-0", 0],
  ["-12", -12],
  ["+3", 3],
  ["0x1F", 31],
  ["0X1f", 31],
  ["-0x1F", -31],
  ["0b101", 5],
  ["0o17", 15],
  ["0u7", 7],
  ["-0u1", -1],
  ["1_000", 1000],
  ["1__0_", 10],
  ["007", 7],
])("%s is %d", (text, value) => {
  expect(parseOcamlInt(text)).toBe(value);
});

test.each([
  "",
  "-",
  "_1",
  " 1",
  "1 ",
  "abc",
  "a",
  "0x",
  "0x_1",
  "0b2",
  "0o8",
  "12a",
  "1.0",
  "1e3",
  "١",
])("%j is no integer", (text) => {
  expect(parseOcamlInt(text)).toBeUndefined();
});

test("a number of any length stays out of range", () => {
  expect(parseOcamlInt("9".repeat(1000))).toBe(Infinity);
  expect(parseOcamlInt("18446744073709551616")).toBeGreaterThan(2 ** 53);
});
