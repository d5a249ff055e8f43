import { expect, test } from "vitest";
import { lineAndColumn, renderDiagnostic } from "./render-diagnostic.ts";

function render(text: string, lexeme: string, options = { color: false }): string[] {
  const start = text.indexOf(lexeme);
  const range = { start, end: start + lexeme.length };
  const source = { name: "test.spec", text };
  const diagnostic = { severity: "error", source, range, message: "it is wrong" } as const;
  return renderDiagnostic(diagnostic, options).split("\n");
}

test("place, message, line, underline and hint", () => {
  const text = '((from a)\n (run (shel "make")))\n';
  const diagnostic = {
    severity: "warning",
    source: { name: "dir/x.spec", text },
    range: { start: 17, end: 21 },
    message: "unknown field `shel` in `run`",
    hint: "did you mean `shell`?",
  } as const;
  expect(renderDiagnostic(diagnostic, { color: false })).toBe(
    [
      "dir/x.spec:2:8: warning: unknown field `shel` in `run`",
      ' 2 |  (run (shel "make")))',
      "   |        ^~~~",
      "  hint: did you mean `shell`?",
    ].join("\n"),
  );
});

test.each([
  ["one character", "(a)", "a", [" 1 | (a)", "   |  ^"]],
  ["nothing", "(a)", "", [" 1 | (a)", "   | ^"]],
  ["a gutter as wide as the number", `${"\n".repeat(99)}(a)`, "a", [" 100 | (a)", "     |  ^"]],
  [
    "the first of several lines",
    "(run\n (shell x))",
    "(run\n (shell x))",
    [" 1 | (run", "   | ^~~~"],
  ],
  ["a CRLF line", "(a\r\n b)\r\n", "(a\r\n b)", [" 1 | (a", "   | ^~"]],
  ["tabs", "\t(a\tb)", "b", [" 1 |         (a      b)", "   |                 ^"]],
  ["a tab in the range", "\ta\tb", "a\tb", [" 1 |         a       b", "   |         ^~~~~~~~~"]],
  ["wide characters", "(日本 x)", "x", [" 1 | (日本 x)", "   |       ^"]],
  ["wide characters in the range", "(日本)", "日本", [" 1 | (日本)", "   |  ^~~~"]],
  ["emoji and accents", "(e\u0301😀 x)", "x", [" 1 | (e\u0301😀 x)", "   |      ^"]],
  [
    "what a terminal would act on",
    "(\u001b[31m \u202ex)",
    "x",
    [" 1 | (\ufffd[31m \ufffdx)", "   |         ^"],
  ],
])("%s is shown", (_name, text, lexeme, expected) => {
  expect(render(text, lexeme).slice(1)).toEqual(expected);
});

test("the empty range at the end of a text", () => {
  const source = { name: "x", text: "(a\n" };
  const range = { start: 3, end: 3 };
  const diagnostic = { severity: "error", source, range, message: "m" } as const;
  expect(renderDiagnostic(diagnostic, { color: false })).toBe("x:2:1: error: m\n 2 |\n   | ^");
});

test("a line feed at the start of a text", () => {
  const source = { name: "x", text: "\n(a" };
  const range = { start: 0, end: 0 };
  const diagnostic = { severity: "error", source, range, message: "m" } as const;
  expect(renderDiagnostic(diagnostic, { color: false })).toBe("x:1:1: error: m\n 1 |\n   | ^");
});

test.each([
  ["start", `X${"-".repeat(300)}`, ` 1 | X${"-".repeat(99)}…`, "   | ^"],
  [
    "middle",
    `${"-".repeat(300)}X${"-".repeat(300)}`,
    ` 1 | …${"-".repeat(30)}X${"-".repeat(69)}…`,
    `   | ${" ".repeat(31)}^`,
  ],
  ["end", `${"-".repeat(300)}X`, ` 1 | …${"-".repeat(30)}X`, `   | ${" ".repeat(31)}^`],
  [
    "middle of a megabyte",
    `${"-".repeat(500_000)}X${"-".repeat(500_000)}`,
    ` 1 | …${"-".repeat(30)}X${"-".repeat(69)}…`,
    `   | ${" ".repeat(31)}^`,
  ],
])("a long line is cut around its %s", (_place, text, line, underline) => {
  expect(render(text, "X").slice(1)).toEqual([line, underline]);
});

test("an underline ends where the line is cut", () => {
  const lines = render("-".repeat(300), "-".repeat(300));
  expect(lines.slice(1)).toEqual([` 1 | ${"-".repeat(100)}…`, `   | ^${"~".repeat(99)}`]);
});

test("colours are for the place, the severity, the underline and the hint", () => {
  const [place, line, underline] = render("(a)", "a", { color: true });
  const [bold, red, reset] = ["\u001b[1m", "\u001b[1;31m", "\u001b[0m"];
  expect(place).toBe(
    `${bold}test.spec:1:2:${reset} ${red}error:${reset} ${bold}it is wrong${reset}`,
  );
  expect(line).toBe(" 1 | (a)");
  expect(underline).toBe(`   |  ${red}^${reset}`);
});

test("names, messages and hints cannot act on the terminal", () => {
  const source = { name: "a\u001b\nb", text: "x" };
  const range = { start: 0, end: 1 };
  const diagnostic = { severity: "error", source, range, message: "\u0007", hint: "\r" } as const;
  expect(renderDiagnostic(diagnostic, { color: false })).toBe(
    "a\ufffd\ufffdb:1:1: error: \ufffd\n 1 | x\n   | ^\n  hint: \ufffd",
  );
});

test.each([
  ["", 0, 1, 1],
  ["abc", 2, 1, 3],
  ["a\nb", 1, 1, 2],
  ["a\nb", 2, 2, 1],
  ["a\r\nb", 3, 2, 1],
  ["😀x", 2, 1, 2],
  ["\n\n", 2, 3, 1],
  ["ab", 99, 1, 3],
  ["ab", -1, 1, 1],
])("offset in %j: %d is %d:%d", (text, offset, line, column) => {
  expect(lineAndColumn(text, offset)).toEqual({ line, column });
});
