import { describe, expect, test } from "vitest";
import { formatSpec } from "./format.ts";

function format(text: string): string {
  const formatted = formatSpec({ name: "test", text });
  if (!formatted.ok) throw new Error(formatted.error.map(({ message }) => message).join("\n"));
  return formatted.value;
}

function lines(...text: string[]): string {
  return `${text.join("\n")}\n`;
}

const longCommand = '"apt-get update && apt-get install -y gcc"';

describe("layout", () => {
  test.each([
    ["an empty stage", " ( ) ", lines("()")],
    ["one item", "( ( from   busybox ) )", lines("((from busybox))")],
    [
      "a directive to a line",
      "((from busybox)(workdir /src)(run (shell make)))",
      lines("((from busybox)", " (workdir /src)", " (run (shell make)))"),
    ],
    [
      "a run that is too long has a field to a line",
      `((from a) (run (network host) (cache (apt (target /var/cache/apt))) (shell ${longCommand})))`,
      lines(
        "((from a)",
        " (run",
        "  (network host)",
        "  (cache (apt (target /var/cache/apt)))",
        `  (shell ${longCommand})))`,
      ),
    ],
    [
      "nested builds",
      "((build dev ((build x ((from c))) (from b) (env A B))) (from a))",
      lines(
        "((build dev",
        "  ((build x",
        "    ((from c)))",
        "   (from b)",
        "   (env A B)))",
        " (from a))",
      ),
    ],
    [
      "a long command goes below its field",
      `((from a) (run (shell "${"x".repeat(84)}")))`,
      lines("((from a)", " (run", "  (shell", `   "${"x".repeat(84)}")))`),
    ],
    [
      "a long word stays with its field",
      `((from ${"x".repeat(100)}) (env A ${"y".repeat(90)}))`,
      lines(`((from ${"x".repeat(100)})`, " (env A", `  ${"y".repeat(90)}))`),
    ],
    [
      "atoms fill lines",
      `((from a) (copy (src ${"abcdefghi ".repeat(12)}) (dst /x/)))`,
      lines(
        "((from a)",
        " (copy",
        `  (src ${"abcdefghi ".repeat(8).trim()}`,
        `   ${"abcdefghi ".repeat(4).trim()})`,
        "  (dst /x/)))",
      ),
    ],
    [
      "unknown directives are laid out alike",
      "((form a) (frobnicate (x y)) z ((w)))",
      lines("((form a)", " (frobnicate (x y))", " z", " ((w)))"),
    ],
    ["an atom", '"a b"', lines('"a b"')],
    [
      "empty lines: one of several, none at the ends of a list",
      "\n\n(\n\n(from a)\n\n\n(env A B)\n(env C D)\n\n)\n\n",
      lines("((from a)", "", " (env A B)", " (env C D))"),
    ],
    ["CRLF", "((from a)\r\n\r\n (env A B))\r\n", lines("((from a)", "", " (env A B))")],
  ])("%s", (_name, text, expected) => {
    expect(format(text)).toBe(expected);
    expect(format(expected)).toBe(expected);
  });

  test("what is 90 columns wide with its parentheses fits, 91 do not", () => {
    const directive = (length: number): string => `(run (shell ${"x".repeat(length)}))`;
    const fits = directive(90 - " (run (shell )))".length);
    expect(fits).toHaveLength(88);
    expect(format(`((from a)\n ${fits})`)).toBe(lines("((from a)", ` ${fits})`));
    const wide = "x".repeat(91 - " (run (shell )))".length);
    expect(format(`((from a) (run (shell ${wide})))`)).toBe(
      lines("((from a)", " (run", `  (shell ${wide})))`),
    );
  });
});

describe("strings are kept as they are written", () => {
  test.each([
    ["quotes that are not needed", '((from "a"))', '((from "a"))'],
    [
      "escapes",
      String.raw`((from a) (comment "\065\x42\q\\"))`,
      String.raw` (comment "\065\x42\q\\"))`,
    ],
    [
      "continued lines",
      '((from a) (run (shell "cd x \\\n\t  && make \\\n  && make install")))',
      '  (shell\n   "cd x \\\n\t  && make \\\n  && make install")))',
    ],
    ["lines", '((from a) (comment "one\n two\r\nthree"))', ' (comment\n  "one\n two\r\nthree"))'],
  ])("%s", (_name, text, part) => {
    expect(format(text)).toContain(part);
    expect(format(format(text))).toBe(format(text));
  });
});

describe("comments", () => {
  test.each([
    [
      "before, between and after",
      "; one\n\n; two\n((from a)\n   ; three\n (env A B)) ; four\n;five",
      lines("; one", "", "; two", "((from a)", " ; three", " (env A B)) ; four", ";five"),
    ],
    [
      "behind a directive, which stays on one line",
      "((from a)      ; one\n (env A B)   ; two  \n (env C D))",
      lines("((from a) ; one", " (env A B) ; two", " (env C D))"),
    ],
    [
      "behind the name of a directive",
      "((from a) (copy      ; one\n (src .) (dst /src/)))",
      lines("((from a)", " (copy ; one", "  (src .)", "  (dst /src/)))"),
    ],
    ["first in a list", "(\n ; one\n (from a)\n)", lines("(; one", " (from a))")],
    [
      "dangling before a closing parenthesis",
      "((from a)\n (run (shell x) ; one\n ; two\n ))",
      lines("((from a)", " (run", "  (shell x) ; one", "  ; two", "  ))"),
    ],
    ["in an empty list", "((from a) (;x\n))", lines("((from a)", " (;x", "  ))")],
    [
      "a block comment within a line",
      "((from #| one |# a) (env #|two|#   A B))",
      lines("((from #| one |# a)", " (env #|two|# A B))"),
    ],
    [
      "a block comment of its own line",
      "((from a) (run\n#| one |#\n(shell x)))",
      lines("((from a)", " (run", "  #| one |#", "  (shell x)))"),
    ],
    [
      "a block comment of several lines",
      "((from a) #| one\n   two |# (env A B))",
      lines("((from a) #| one", "   two |#", " (env A B))"),
    ],
    [
      "a directive that is commented out is laid out too",
      `((from a) #;(env   A B) #; (run (network host) (cache (c (target /x))) (shell ${longCommand})))`,
      lines(
        "((from a)",
        " #;(env A B)",
        " #;(run",
        "    (network host)",
        "    (cache (c (target /x)))",
        `    (shell ${longCommand})))`,
      ),
    ],
    [
      "comments behind #; stay as they are",
      "((from a)\n #; #; (x)\n      (y)\n (env A B))",
      lines("((from a)", " #; #; (x)\n      (y)", " (env A B))"),
    ],
    ["no line feed at the end", "(a) ; x", lines("(a) ; x")],
  ])("%s", (_name, text, expected) => {
    expect(format(text)).toBe(expected);
    expect(format(expected)).toBe(expected);
  });
});

test("only what cannot be read fails", () => {
  const formatted = formatSpec({ name: "test", text: "((from a)" });
  expect(formatted.ok ? [] : formatted.error.map(({ message }) => message)).toEqual([
    "this `(` is not closed",
  ]);
});
