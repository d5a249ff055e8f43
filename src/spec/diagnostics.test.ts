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

describe("directives", () => {
  test.each([
    ["(rnu (shell x))", "rnu: unknown directive `rnu`; did you mean `run`?"],
    ["(RUN (shell x))", "RUN: unknown directive `RUN`; did you mean `run`?"],
    [
      "(arg X)",
      "arg: unknown directive `arg`; expected one of `comment`, `workdir`, `shell`, `env`, `user`, `run`, `copy`, `reboot`",
    ],
    ["run", 'run: expected a directive, found `run`; write `(run (shell "COMMAND"))`'],
    ["x", "x: expected a directive, found `x`"],
    ["()", "(): expected a directive, found an empty list"],
    [
      "((run (shell x)))",
      "((run (shell x))): expected a directive, found a list; remove one pair of parentheses",
    ],
    [
      "(from b)",
      "from: a second `from`; another image is another `(build NAME ((from …) …))` before this one",
    ],
    ["(form b)", "form: unknown directive `form`; did you mean `from`?"],
    ["(build c ((from b)))", "build: `build` after `from`; nested builds come before `(from …)`"],
    [
      "(Run (shell x))",
      "Run: `Run` with a capital takes its fields in one more pair of parentheses; did you mean `run`?",
    ],
    [
      "(Env A B)",
      "Env: `Env` with a capital takes its fields in one more pair of parentheses; did you mean `env`?",
    ],
    ["(workdir)", "workdir: `workdir` takes one path, found nothing"],
    [
      "(workdir a b)",
      'a b: `workdir` takes one path, found 2 values; put quotes around it: `(workdir "a b")`',
    ],
    ["(workdir (a))", "(a): `workdir` takes one path, found a list"],
    ["(comment (a))", "(a): `comment` takes one text, found a list"],
    ["(shell (a))", "(a): expected an argument, found a list"],
    ['(shell "" -c)', '"": the name of the program is empty'],
    ["(env A)", "A: `env` takes a name and a value, found 1 value; write `(env NAME VALUE)`"],
    ["(env)", "env: `env` takes a name and a value, found nothing; write `(env NAME VALUE)`"],
    [
      "(env A B C)",
      "A B C: `env` takes a name and a value, found 3 values; write `(env NAME VALUE)`",
    ],
    ["(env A=B)", "A=B: a variable's name cannot contain `=`; write `(env A B)`"],
    ["(env A= B)", "A=: a variable's name cannot contain `=`; write `(env A VALUE)`"],
    ['(env "" B)', '"": the name of the variable is empty'],
    ["(env A (B))", "(B): expected a name and a value, found a list"],
    ["(reboot now)", "now: `reboot` takes no arguments"],
  ])("%s", (directive, ...expected) => {
    expect(problemsOf(inSpec(directive))).toEqual(expected);
  });
});

describe("user", () => {
  test.each([
    ["(user (uid 1))", ["user: missing field `gid` in `user`; add `(gid N)`"]],
    [
      "(user)",
      [
        "user: missing field `uid` in `user`; add `(uid N)`",
        "user: missing field `gid` in `user`; add `(gid N)`",
      ],
    ],
    [
      "(user opam)",
      [
        "opam: expected a field of `user`, found `opam`; write `(user (uid N) (gid N))` or `(user (name NAME))`",
      ],
    ],
    [
      "(user (uid opam) (gid 1.5))",
      [
        "opam: expected a number for `uid`, found `opam`; a name is written `(user (name NAME))`",
        "1.5: expected a number for `gid`, found `1.5`",
      ],
    ],
    [
      "(user (uid -1) (gid 4294967295))",
      [
        "-1: a user or group id goes from 0 to 4294967294",
        "4294967295: a user or group id goes from 0 to 4294967294",
      ],
    ],
    [
      "(user (name a) (uid 1))",
      ["uid: `uid` beside `name`; a user is given by `name` or by `uid` and `gid`"],
    ],
    ['(user (name ""))', ['"": the name of the user is empty']],
    ["(user (uid 1) (gid 2) (gid 3))", ["gid: field `gid` is given twice; the first is at 1:48"]],
    ["(user (uid 1) (gdi 2))", ["gdi: unknown field `gdi` in `user`; did you mean `gid`?"]],
  ])("%s", (directive, expected) => {
    expect(problemsOf(inSpec(directive))).toEqual(expected);
  });
});

describe("the spec as a whole", () => {
  test.each([
    [
      "x",
      [
        'x: expected `(from NAME)`, found `x`; a spec looks like `((from NAME) (run (shell "COMMAND")))`',
      ],
    ],
    [
      "(from a)",
      [
        "from: expected `(from NAME)`, found `from`; put one more pair of parentheses around the whole spec",
      ],
    ],
    ["()", ["(: missing `(from NAME)`; only `(build NAME (…))` may come before it"]],
    [
      "((run (shell x)) (cpoy))",
      [
        "(: missing `(from NAME)`; only `(build NAME (…))` may come before it",
        "cpoy: unknown directive `cpoy`; did you mean `copy`?",
      ],
    ],
    [
      "((run (shel x)) (from a))",
      [
        "run: `run` before `from`; `(from NAME)` comes first, after any `(build NAME (…))`",
        "shel: unknown field `shel` in `run`; did you mean `shell`?",
      ],
    ],
    [
      "((biuld x ((from a))) () (from a))",
      [
        "biuld: expected `(build NAME (…))` or `(from NAME)`, found `biuld`; did you mean `build`?",
        "(): expected `(build NAME (…))` or `(from NAME)`, found an empty list",
      ],
    ],
    [
      "((From a) (rnu))",
      [
        "From: unknown directive `From`; did you mean `from`?",
        "rnu: unknown directive `rnu`; did you mean `run`?",
      ],
    ],
    ["((from))", ["from: `from` takes one name, found nothing"]],
    ["((from a b))", ["a b: `from` takes one name, found 2 values"]],
    ['((from ""))', ['"": the name of the base image is empty']],
    [
      "((from a@sha256:123))",
      ["@sha256:123: expected the 64 hex digits of a SHA-256 after `@sha256:`; found 3 characters"],
    ],
    [
      `((from "@sha256:${"g".repeat(64)}"))`,
      [
        `"@sha256:${"g".repeat(64)}": the name of the base image is empty`,
        `"@sha256:${"g".repeat(64)}": expected the 64 hex digits of a SHA-256 after \`@sha256:\`; found 64 characters`,
      ],
    ],
    [
      "((build x) (from a))",
      ["build: `build` takes a name and a spec; write `(build NAME ((from …) …))`"],
    ],
    ['((build "" ((from a))) (from a))', ['"": the name of the build is empty']],
    [
      "((build x y) (from a))",
      [
        'y: expected `(from NAME)`, found `y`; a spec looks like `((from NAME) (run (shell "COMMAND")))`',
      ],
    ],
    [
      "((build x ((from a))) (build x ((from b))) (from a))",
      ["warning x: this hides the earlier build `x`"],
    ],
    [
      "((from a) (copy (from (build x)) (src a) (dst b)))",
      ["x: unknown build `x`; a build is in scope when `(build NAME (…))` comes before `(from …)`"],
    ],
    [
      "((build x ((from a) (copy (from (build x)) (src a) (dst b)))) (from a))",
      ["x: unknown build `x`; a build is in scope when `(build NAME (…))` comes before `(from …)`"],
    ],
    [
      "((from a) (build x ((from b))) (copy (from (build x)) (src a) (dst b)))",
      ["build: `build` after `from`; nested builds come before `(from …)`"],
    ],
    [
      "((from a) (shell) (run (shell x)))",
      [
        "warning shell: without arguments the whole text of a `run` is taken for a program's name; `(shell /bin/sh -c)`",
      ],
    ],
  ])("%s", (text, expected) => {
    expect(problemsOf(text)).toEqual(expected);
  });

  test("every problem of a text is listed in its order, with its warnings", () => {
    const text = `
      ((build dev ((form alpine) (run (shel make))))
       (from a)
       (workdr /src)
       (user (uid x) (gid 0))
       (run (network nut) (cache (c)) (shell a b))
       (copy (from (build dve)) (src ../x y) (dst z))
       (env A=1)
       (env B))`;
    expect(problemsOf(text).map((problem) => problem.split(": ")[0])).toEqual([
      "form",
      "shel",
      "workdr",
      "x",
      "warning nut",
      "c",
      "a b",
      "dve",
      "../x",
      "z",
      "A=1",
      "B",
    ]);
  });

  test("a thousand typos are a thousand errors", () => {
    expect(problemsOf(`((from a) ${"(rnu (shell x)) ".repeat(1000)})`)).toHaveLength(1000);
  });
});
