import { expect, test } from "vitest";
import { parseSpec } from "./parse-spec.ts";
import { printOp } from "./print-op.ts";

function printed(directive: string): string[] {
  const text = `((build dev ((from b))) (from a) ${directive})`;
  const parsed = parseSpec({ name: "test", text });
  if (!parsed.ok) throw new Error("unexpected");
  return parsed.value.spec.ops.map(printOp);
}

// Without our additions, OBuilder prints the same.
test.each([
  ['(comment "a b")', '(comment "a b")'],
  ["(Workdir /src)", "(workdir /src)"],
  ["(shell)", "(shell)"],
  ['(shell "cmd" /S)', "(shell cmd /S)"],
  ['(env A "")', '(env A "")'],
  ["(User ((uid 0x10) (gid 2)))", "(user (uid 16) (gid 2))"],
  ["(user (name a))", "(user (name a))"],
  ['(run (shell "make\nall"))', String.raw`(run (shell "make\nall"))`],
  [
    "(run (shell x) (timeout 90) (secrets (s (target /s))) (network host) (cache (a (target /a)) (b (target /b))))",
    "(run (cache (a (target /a)) (b (target /b))) (network host) (secrets (s (target /s))) (timeout 1m30s) (shell x))",
  ],
  [
    '(run (cache ("a b" (buildkit_options ((k v) (l "w x"))) (target /a))) (shell x))',
    '(run (cache ("a b" (target /a) (buildkit_options ((k v) (l "w x"))))) (shell x))',
  ],
  ["(copy (from context) (dst b) (exclude) (src a))", "(copy (src a) (dst b))"],
  [
    "(copy (exclude .git _build) (src a b) (dst c/) (from (build dev)))",
    "(copy (from (build dev)) (src a b) (dst c/) (exclude .git _build))",
  ],
  ["(reboot)", "(reboot)"],
])("%s is printed as %s, which prints as itself", (directive, expected) => {
  expect(printed(directive)).toEqual([expected]);
  expect(printed(expected)).toEqual([expected]);
});

test("any number of arguments is printed", () => {
  const [text] = printed(`(shell ${"a ".repeat(200_000)})`);
  expect(text).toHaveLength("(shell)".length + 400_000);
});
