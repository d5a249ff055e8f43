import { expect, test } from "vitest";
import { parseSpec } from "../spec/parse-spec.ts";
import type { Spec } from "../spec/spec.ts";
import { inputsNeeded } from "./inputs-needed.ts";

function parse(text: string): Spec {
  const parsed = parseSpec({ name: "test.spec", text });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value.spec;
}

const PIN = "a".repeat(64);
const TEXT = `
((build outer
   ((build inner ((from alpine) (copy (src deep) (dst /d))))
    (from debian)
    (copy (from (build inner)) (src /not-context) (dst /x))
    (copy (src a b) (dst /x/) (exclude .git _build))))
 (from debian)
 (run (shell true))
 (copy (src a) (dst /y) (exclude _build .git .git))
 (copy (src a) (dst /z)))`;

test("bases and sources are asked for once, nested builds first", () => {
  const spec = parse(TEXT);
  const { bases, sources } = inputsNeeded(spec);
  expect(bases.map(({ name }) => name)).toEqual(["alpine", "debian"]);
  expect(sources.map(({ path, exclude }) => [path, ...exclude])).toEqual([
    ["deep"],
    ["a", ".git", "_build"],
    ["b", ".git", "_build"],
    ["a"],
  ]);
});

test("a source's range is where the path stands first", () => {
  const first = inputsNeeded(parse(TEXT)).sources[1];
  expect(TEXT.slice(first?.range.start, first?.range.end)).toBe("a");
  expect(first?.range.start).toBe(TEXT.indexOf("(src a b)") + 5);
});

test("the same name with and without a pin are two bases", () => {
  const spec = parse(`((build x ((from debian@sha256:${PIN}))) (from debian))`);
  expect(inputsNeeded(spec).bases.map(({ digest }) => digest)).toEqual([PIN, undefined]);
});
