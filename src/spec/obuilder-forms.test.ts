import { expect, test } from "vitest";
import { parseSpec } from "./parse-spec.ts";
import { printOp } from "./print-op.ts";
import type { Spec } from "./spec.ts";

function opsOf({ childBuilds, ops }: Spec): string[] {
  return [...childBuilds.flatMap((build) => opsOf(build.spec)), ...ops.map(printOp)];
}

/** One of every form that OBuilder's manual and example specs use, as it is written there. */
const forms = [
  "(workdir /usr/local)",
  '(workdir "C:/src")',
  "(shell /bin/bash -c)",
  "(shell cmd /S /C)",
  '(run (shell "echo hello"))',
  '(run (network "nat") (shell "opam update"))',
  "(run (cache (archives (target /home/opam/cache))) (network host) (secrets (password (target /secrets/password))) (shell make))",
  "(copy (src .) (dst build/) (exclude .git _build))",
  "(copy (src platform.ml.linux) (dst platform.ml))",
  "(copy (from (build dev)) (src /home/opam/hello) (dst /usr/local/bin/hello))",
  "(user (uid 1000) (gid 1000))",
  "(user (name ContainerAdministrator))",
  '(env OPTIONS "-O2 -Wall")',
  '(comment "As the opam user")',
];

test.each(forms)("%s is understood", (form) => {
  const text = `((build dev ((from busybox@sha256:${"d3".repeat(32)}) ${form.includes("(build dev)") ? "" : form})) (from base) ${form})`;
  const parsed = parseSpec({ name: "test", text });
  if (!parsed.ok) throw new Error(parsed.error.map(({ message }) => message).join("; "));
  const printed = new Set(opsOf(parsed.value.spec));
  expect([...printed]).toEqual([form.replace('"nat"', "nat").replace('"C:/src"', "C:/src")]);
});

test("strings over several lines, with braces, bars and quotes", () => {
  const text = String.raw`
((build dev
 ((from alpine:3)
  (run (shell "echo 'print {|Hi, all!|}' > main.ml"))
  (run (shell "cd ~/repo \
    && (git cat-file -e $HASH || git fetch) \
    && rsync --exclude='.git' ./ /dst"))
  (run (shell "mkdir C:\obuilder"))))
 (from alpine:3))`;
  const parsed = parseSpec({ name: "test", text });
  if (!parsed.ok) throw new Error(parsed.error.map(({ message }) => message).join("; "));
  expect(opsOf(parsed.value.spec)).toEqual([
    `(run (shell "echo 'print {|Hi, all!|}' > main.ml"))`,
    `(run (shell "cd ~/repo && (git cat-file -e $HASH || git fetch) && rsync --exclude='.git' ./ /dst"))`,
    String.raw`(run (shell "mkdir C:\\obuilder"))`,
  ]);
});
