import { expect, test } from "vitest";
import { withSum } from "./sha256-sums.ts";

const a = "a".repeat(64);
const b = "b".repeat(64);
const c = "c".repeat(64);

test.each([
  ["a new file", "", `${c}  x.qcow2\n`],
  ["another line at the end", `${a}  y.qcow2\n`, `${a}  y.qcow2\n${c}  x.qcow2\n`],
  ["the place of the old line", `${a}  x.qcow2\n${b}  y\n`, `${c}  x.qcow2\n${b}  y\n`],
  ["that of a binary one", `${b}  y\n${a} *x.qcow2\n`, `${b}  y\n${c}  x.qcow2\n`],
  ["one line for two", `${a}  x.qcow2\n${b}  x.qcow2\n`, `${c}  x.qcow2\n`],
  ["a last line without its end", `${a}  y`, `${a}  y\n${c}  x.qcow2\n`],
  ["what is no sum", `# mine\n\n${a}  xx.qcow2\n`, `# mine\n\n${a}  xx.qcow2\n${c}  x.qcow2\n`],
])("gives %s", (_, before, after) => {
  expect(withSum(before, "x.qcow2", c)).toBe(after);
});

test("a name that would break the line is written as sha256sum writes it, and found again", () => {
  const once = withSum("", "a\\b\nc", a);
  expect(once).toBe(`\\${a}  a\\\\b\\nc\n`);
  expect(withSum(once, "a\\b\nc", b)).toBe(`\\${b}  a\\\\b\\nc\n`);
});

test("names are bytes", () => {
  const other = `${a}  \xff\n`;
  const name = Buffer.from("ä").toString("latin1");
  expect(withSum(other, "ä", b)).toBe(`${other}${b}  ${name}\n`);
  expect(withSum(`${a}  ${name}\n`, "ä", b)).toBe(`${b}  ${name}\n`);
});
