import { describe, expect, test } from "vitest";
import type { Diagnostic } from "./diagnostic.ts";
import { parseSpec } from "./parse-spec.ts";

/** `UNDERLINED: message; hint` of each error and warning, warnings marked. */
function problemsOf(text: string): string[] {
  const parsed = parseSpec({ name: "test", text });
  return (parsed.ok ? parsed.value.warnings : parsed.error).map(brief);
}

function brief({ severity, source, range, message, hint }: Diagnostic): string {
  const lexeme = source.text.slice(range.start, range.end);
  const mark = severity === "warning" ? "warning " : "";
  return `${mark}${lexeme}: ${message}${hint === undefined ? "" : `; ${hint}`}`;
}

const inSpec = (directive: string): string => `((build dev ((from b))) (from a) ${directive})`;

describe("run", () => {
  test.each([
    ["(run)", ['run: missing field `shell` in `run`; write `(run (shell "COMMAND"))`']],
    ["(run (shel x))", ["shel: unknown field `shel` in `run`; did you mean `shell`?"]],
    [
      "(run (foo x) (shell x))",
      [
        "foo: unknown field `foo` in `run`; expected one of `cache`, `network`, `secrets`, `timeout`, `shell`",
      ],
    ],
    [
      '(run "make all")',
      [
        '"make all": expected a field of `run`, found `"make all"`; write `(run (shell "make all"))`',
      ],
    ],
    ["(run shell)", ["shell: expected a field of `run`, found `shell`; write `(shell …)`"]],
    [
      "(run ((shell x)))",
      ["((shell x)): expected a field of `run`, found a list; remove one pair of parentheses"],
    ],
    [
      "(run (shell apt-get update))",
      [
        'apt-get update: `shell` takes one command, found 2 values; put quotes around it: `(shell "apt-get update")`',
      ],
    ],
    [
      "(run (shell “apt-get update”))",
      ['“apt-get update”: `shell` takes one command, found 2 values; quotes are straight: `"`'],
    ],
    ["(run (shell x) (shell y))", ["shell: field `shell` is given twice; the first is at 1:39"]],
    ["(run (network (host)) (shell x))", ["(host): expected the name of a network, found a list"]],
    [
      "(run (network hots) (shell x))",
      [
        "warning hots: unknown network `hots`; `host` and `nat` open the network; a build refuses other names",
      ],
    ],
    [
      "(run (timeout 5x) (shell x))",
      [
        "5x: `5x` is not a duration; durations are written `90s`, `5m`, `1h30m` or `500ms`; a plain number is seconds",
      ],
    ],
    ["(run (timeout 0) (shell x))", ["0: a timeout of nothing lets no command run"]],
    ["(run (timeout 25d) (shell x))", ["25d: a timeout can be 24 days at most"]],
    ["(run (timeout) (shell x))", ["timeout: `timeout` takes one duration, found nothing"]],
  ])("%s", (directive, expected) => {
    expect(problemsOf(inSpec(directive))).toEqual(expected);
  });
});

describe("caches and secrets", () => {
  test.each([
    [
      "(cache apt (target /x))",
      ["apt: expected a cache in parentheses, found `apt`; write `(cache (apt (target PATH)))`"],
    ],
    [
      "(secrets pw)",
      [
        "pw: expected a secret in parentheses, found `pw`; write `(secrets (pw (target /run/secrets/pw)))`",
      ],
    ],
    [
      '(secrets ("a b"))',
      ['"a b": missing field `target` in this secret; add `(target "/run/secrets/a b")`'],
    ],
    ["(cache (apt))", ["apt: missing field `target` in this cache; add `(target PATH)`"]],
    [
      "(secrets (pw))",
      ["pw: missing field `target` in this secret; add `(target /run/secrets/pw)`"],
    ],
    [
      "(cache (target /x))",
      ["(target /x): this cache has no name; a cache is written `(NAME (target PATH))`"],
    ],
    [
      "(cache (apt /x))",
      ["/x: expected a field of this cache, found `/x`; a cache is written `(NAME (target PATH))`"],
    ],
    [
      "(cache (apt (tagret /x)))",
      ["tagret: unknown field `tagret` in this cache; did you mean `target`?"],
    ],
    [
      "(cache (apt (id x) (target /x)))",
      ["id: unknown field `id` in this cache; expected one of `target`, `buildkit_options`"],
    ],
    ['(cache ("" (target "")))', ['"": the name of the cache is empty', '"": the target is empty']],
    [
      "(cache (a (target /x)) (b (target //x/)))",
      ["(b (target //x/)): two mounts in one `run` have the target `//x/`; the first is at 1:46"],
    ],
    [
      "(cache (a (target /))) (secrets (b (target /)))",
      ["(b (target /)): two mounts in one `run` have the target `/`; the first is at 1:46"],
    ],
    [
      "(cache (a (target /x) (buildkit_options (k v))))",
      [
        "k: expected `(KEY VALUE)`, found `k`; write `(buildkit_options ((KEY VALUE) …))`",
        "v: expected `(KEY VALUE)`, found `v`; write `(buildkit_options ((KEY VALUE) …))`",
      ],
    ],
    [
      "(cache (a (target /x) (buildkit_options)))",
      ["buildkit_options: `buildkit_options` takes one list, found nothing"],
    ],
  ])("(run %s …)", (fields, expected) => {
    expect(problemsOf(inSpec(`(run ${fields} (shell x))`))).toEqual(expected);
  });
});

describe("copy", () => {
  test.each([
    [
      "(copy)",
      [
        "copy: missing field `src` in `copy`; add `(src PATH …)`",
        "copy: missing field `dst` in `copy`; add `(dst PATH)`",
      ],
    ],
    ["(copy (src a) (dest b))", ["dest: unknown field `dest` in `copy`; did you mean `dst`?"]],
    [
      "(copy a b)",
      [
        "a: expected a field of `copy`, found `a`; write `(copy (src PATH …) (dst PATH))`",
        "b: expected a field of `copy`, found `b`; write `(copy (src PATH …) (dst PATH))`",
      ],
    ],
    ["(copy (src) (dst b))", ["src: no source items for `copy`; `(src .)` copies everything"]],
    ["(copy (src (a)) (dst b))", ["(a): expected a path, found a list"]],
    [
      "(copy (src a b) (dst /x))",
      ["/x: when copying multiple items, the destination must end with `/`; did you mean `/x/`?"],
    ],
    [
      "(copy (src a/../b) (dst b))",
      ["a/../b: `..` leaves the build context; a source path cannot contain `..`"],
    ],
    [
      "(copy (from (build dev)) (src ..) (dst b))",
      ["..: `..` leaves the build's files; a source path cannot contain `..`"],
    ],
    [
      "(copy (from (build dve)) (src a) (dst b))",
      ["dve: unknown build `dve`; did you mean `dev`?"],
    ],
    ["(copy (from (build prod)) (src a) (dst b))", ["prod: unknown build `prod`; expected `dev`"]],
    [
      "(copy (from dev) (src a) (dst b))",
      ["dev: expected `context` or `(build NAME)`, found `dev`; write `(from (build dev))`"],
    ],
    [
      "(copy (from contxt) (src a) (dst b))",
      ["contxt: expected `context` or `(build NAME)`, found `contxt`; did you mean `context`?"],
    ],
    [
      "(copy (from (biuld dev)) (src a) (dst b))",
      ["biuld: expected `context` or `(build NAME)`, found a list; did you mean `build`?"],
    ],
    [
      "(copy (from) (src a) (dst b))",
      ["from: `from` takes `context` or `(build NAME)`, found nothing"],
    ],
    ["(copy (from (build)) (src a) (dst b))", ["build: `build` takes one name, found nothing"]],
    [
      "(copy (src a) (dst b) (exclude a/b))",
      ["warning a/b: `a/b` excludes nothing: only base names are compared"],
    ],
  ])("%s", (directive, expected) => {
    expect(problemsOf(inSpec(directive))).toEqual(expected);
  });
});
