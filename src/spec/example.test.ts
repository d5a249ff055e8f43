import { expect, test } from "vitest";
import { formatSpec } from "./format.ts";
import { parseSpec } from "./parse-spec.ts";
import { printOp } from "./print-op.ts";
import type { Spec } from "./spec.ts";

/** In the manner of OBuilder's own examples: tabs, comments at the side, strings over several lines. */
const text = `; Builds a tool, then an image with nothing else in it.

((build dev
\t((from debian:12)
\t (workdir /src)
\t (user (uid 1000) (gid 1000))                    ; not root
\t (env COMMIT "4f2c9e")
\t (run
\t  (network host)
\t  (cache (apt (target /var/cache/apt)))
\t  (shell
\t   "git fetch origin \\
\t    && git reset --hard $COMMIT"))
\t ; The lock file first, so that its layer is kept
\t (copy (src package.json package-lock.json) (dst ./))
\t #;(run (shell "npm audit"))
\t (copy                                            ; the rest
\t  (src .)
\t  (dst /src/)
\t  (exclude .git node_modules))
\t (run (shell "npm test"))))    ; and the proof
 (from windows-server)
 (shell cmd /S /C)
 (run (network "nat") (shell "mkdir C:\\obuilder"))
 (copy (from (build dev))
       (src /src/main.exe)
       (dst /obuilder/main.exe)))
`;

function opsOf({ childBuilds, ops }: Spec): string[] {
  return [...childBuilds.flatMap((build) => opsOf(build.spec)), ...ops.map(printOp)];
}

test("a spec with everything is understood", () => {
  const parsed = parseSpec({ name: "example.spec", text });
  if (!parsed.ok) throw new Error("unexpected");
  expect(opsOf(parsed.value.spec)).toEqual([
    "(workdir /src)",
    "(user (uid 1000) (gid 1000))",
    "(env COMMIT 4f2c9e)",
    '(run (cache (apt (target /var/cache/apt))) (network host) (shell "git fetch origin && git reset --hard $COMMIT"))',
    "(copy (src package.json package-lock.json) (dst ./))",
    "(copy (src .) (dst /src/) (exclude .git node_modules))",
    '(run (shell "npm test"))',
    "(shell cmd /S /C)",
    String.raw`(run (network nat) (shell "mkdir C:\\obuilder"))`,
    "(copy (from (build dev)) (src /src/main.exe) (dst /obuilder/main.exe))",
  ]);
  expect(parsed.value.warnings.map(({ message }) => message)).toEqual([]);
});

test("and laid out", () => {
  const formatted = formatSpec({ name: "example.spec", text });
  expect(formatted.ok && formatted.value)
    .toBe(`; Builds a tool, then an image with nothing else in it.

((build dev
  ((from debian:12)
   (workdir /src)
   (user (uid 1000) (gid 1000)) ; not root
   (env COMMIT "4f2c9e")
   (run
    (network host)
    (cache (apt (target /var/cache/apt)))
    (shell
     "git fetch origin \\
\t    && git reset --hard $COMMIT"))
   ; The lock file first, so that its layer is kept
   (copy (src package.json package-lock.json) (dst ./))
   #;(run (shell "npm audit"))
   (copy ; the rest
    (src .)
    (dst /src/)
    (exclude .git node_modules))
   (run (shell "npm test")))) ; and the proof
 (from windows-server)
 (shell cmd /S /C)
 (run (network "nat") (shell "mkdir C:\\obuilder"))
 (copy (from (build dev)) (src /src/main.exe) (dst /obuilder/main.exe)))
`);
});
