import { describe, expect, test } from "vitest";
import type { Diagnostic } from "./diagnostic.ts";
import { placeName } from "./line-and-column.ts";
import { readSexp } from "./reader.ts";
import type { Sexp, SexpElement } from "./sexp.ts";

function shape(sexp: Sexp): unknown {
  return sexp.kind === "atom" ? sexp.text : sexp.items.map(shape);
}

function read(text: string): unknown {
  const document = readSexp({ name: "test", text });
  if (!document.ok) throw new Error(`unexpected: ${errorsOf(text).join("\n")}`);
  return shape(document.value.sexp);
}

function errorsOf(text: string): string[] {
  const document = readSexp({ name: "test", text });
  return document.ok ? [] : document.error.map((error) => brief(error, text));
}

function brief({ range, message, hint }: Diagnostic, text: string): string {
  const lexeme = text.slice(range.start, range.end);
  const start = `${placeName(text, range.start)} ${JSON.stringify(lexeme)} ${message}`;
  return hint === undefined ? start : `${start}; ${hint}`;
}

describe("atoms and lists", () => {
  test.each([
    ["a", "a"],
    ["()", []],
    ["(a (b c) ())", ["a", ["b", "c"], []]],
    ["(a(b)c)", ["a", ["b"], "c"]],
    ['(a"b"c)', ["a", "b", "c"]],
    ["( a\tb\fc\r\nd\n)", ["a", "b", "c", "d"]],
    ["(C:\\x 'q' é a\u000bb)", ["C:\\x", "'q'", "é", "a\u000bb"]],
    ["(# | ## a# |a a|b #a)", ["#", "|", "##", "a#", "|a", "a|b", "#a"]],
    ["(a,b {c} [d] `e)", ["a,b", "{c}", "[d]", "`e"]],
    ["((a)|b)", [["a"], "|b"]],
  ])("%j", (text, expected) => {
    expect(read(text)).toEqual(expected);
  });
});

// Each row was put to Sexplib 0.15's `load_sexp`, which gave this value.
describe("escapes in quoted strings", () => {
  test.each([
    [String.raw`"\n\r\b\t"`, "\n\r\b\t"],
    [String.raw`"\\ \' \""`, "\\ ' \""],
    [String.raw`"\065\066"`, "AB"],
    [String.raw`"\x41\x6a\x6A"`, "Ajj"],
    [String.raw`"\195\169\xc3\xa9"`, "éé"],
    [String.raw`"\240\159\152\128"`, "😀"],
    [String.raw`"\a\q\N\é\😀"`, String.raw`\a\q\N\é\😀`],
    [String.raw`"\ x"`, String.raw`\ x`],
    [String.raw`"C:\obuilder"`, String.raw`C:\obuilder`],
    ['"a\\\n  \t b"', "ab"],
    ['"a\\\r\n \tb"', "ab"],
    ['"a\\\n\n b"', "a\n b"],
    ['"a\\\rb"', "a\rb"],
    ['"a\nb\r\nc"', "a\nb\r\nc"],
    ['"; #| (a) |# #;"', "; #| (a) |# #;"],
    ['""', ""],
  ])("%s", (text, expected) => {
    expect(read(text)).toBe(expected);
  });
});

describe("comments are no part of the S-expression", () => {
  test.each([
    ["; a\n(b ; c)\n)", ["b"]],
    ["(b);", ["b"]],
    ["(a;b\r\nc)", ["a", "c"]],
    ["(a #| b |# c)", ["a", "c"]],
    ["#| a #| b |# c |# d", "d"],
    ["#|#||#|#a", "a"],
    ["#|||#a", "a"],
    ['#| "|#" |#a', "a"],
    ['#| "\\"|#" |#a', "a"],
    ["#| ; |#a", "a"],
    ["#;a b", "b"],
    ["#;(a (b)) c", "c"],
    ["#; #; a b c", "c"],
    ["(a #;b)", ["a"]],
    ['#;"#;" a', "a"],
    ["#; ; x\n #| y |# a b", "b"],
    ["(a) #;(b)", ["a"]],
    ["(a#;b\n)", ["a#"]],
  ])("%j", (text, expected) => {
    expect(read(text)).toEqual(expected);
  });

  test("but stay in the document, in place", () => {
    const text = "; 1\n(a #| 2 |# b #; #;c d ; 3\n) #;4";
    const document = readSexp({ name: "test", text });
    if (!document.ok) throw new Error("unexpected");
    const commentsOf = (element: SexpElement): unknown => {
      if (element.kind === "list") return element.content.map(commentsOf);
      const lexeme = text.slice(element.range.start, element.range.end);
      return `${element.kind} ${lexeme}`;
    };
    expect(document.value.content.map(commentsOf)).toEqual([
      "line-comment ; 1",
      ["atom a", "block-comment #| 2 |#", "atom b", "datum-comment #; #;c d", "line-comment ; 3"],
      "datum-comment #;4",
    ]);
  });
});

test("ranges cover whole lexemes", () => {
  const text = 'x ("a\\n" #;b (c))'.slice(2);
  const document = readSexp({ name: "test", text });
  if (!document.ok || document.value.sexp.kind !== "list") throw new Error("unexpected");
  const { sexp } = document.value;
  const lexemes = [sexp, ...sexp.items].map(({ range }) => text.slice(range.start, range.end));
  expect(lexemes).toEqual([text, '"a\\n"', "(c)"]);
});

describe("what is refused", () => {
  test.each([
    [
      "",
      '1:1 "" there is no spec in this text; a spec looks like `((from NAME) (run (shell "COMMAND")))`',
    ],
    [
      "; only a comment\n",
      '2:1 "" there is no spec in this text; a spec looks like `((from NAME) (run (shell "COMMAND")))`',
    ],
    ["((from a)", '1:1 "(" this `(` is not closed'],
    ["((from a)\n (run (shell x)", '2:2 "(" this `(` is not closed, nor is the one around it'],
    [
      "((from a)\n (run (shell x)\n (env A B))",
      '1:1 "(" this `(` is not closed; perhaps the list at 2:2 should end before line 3',
    ],
    ["((from a)))", '1:11 ")" this `)` closes nothing; the spec ended at 1:10'],
    [")", '1:1 ")" this `)` closes nothing'],
    [
      "((from a))\n(run (shell x))",
      '2:1 "(" there is more text after the end of the spec; the spec ended at 1:10',
    ],
    [
      "(from a)\n(run (shell x))",
      '2:1 "(" there is more text after the end of the spec; put one more pair of parentheses around the whole spec',
    ],
    [
      "from a",
      '1:6 "a" there is more text after the end of the spec; put one more pair of parentheses around the whole spec',
    ],
    ['(a "b', `1:4 "\\"" this string has no closing quote`],
    ['(a "b\\', `1:4 "\\"" this string has no closing quote`],
    [
      '((run (shell "a))\n (env B "c"))',
      `2:11 "\\"" this string has no closing quote; or the string at 1:14 was meant to end on its line`,
    ],
    ["(a #| b", '1:4 "#|" this block comment is not closed; expected `|#`'],
    ["(a #| b #| c |#", '1:4 "#|" this block comment is not closed; expected `|#`'],
    [
      "(a #| b #| c",
      '1:4 "#|" this block comment is not closed; comments nest: the `#|` at 1:9 is open too',
    ],
    [
      '(a #| isn"t |#)',
      '1:4 "#|" this block comment is not closed; there is a string without a closing quote in it',
    ],
    ["(a |# b)", '1:4 "|#" `|#` ends no comment; a block comment starts with `#|`'],
    [
      "(a#|b|#)",
      '1:3 "#|" `#|` inside an unquoted atom; put a blank before a comment, or quotes around the text',
    ],
    [
      "(##|)",
      '1:3 "#|" `#|` inside an unquoted atom; put a blank before a comment, or quotes around the text',
    ],
    ["(a #;)", '1:4 "#;" this `#;` comments out nothing; it needs an S-expression after it'],
    ["(a) #;", '1:5 "#;" this `#;` comments out nothing; it needs an S-expression after it'],
    [
      "(a\rb)",
      String.raw`1:3 "\r" a carriage return without a line feed; end lines with a line feed`,
    ],
    [
      String.raw`"\25"`,
      '1:2 "\\\\25" a decimal escape has three digits; write `\\\\` for a backslash',
    ],
    ["(((a", '1:3 "(" this `(` is not closed, nor are the 2 around it'],
    [
      String.raw`"\256"`,
      '1:2 "\\\\256" a decimal escape goes from `\\000` to `\\255`; write `\\\\` for a backslash',
    ],
    [
      String.raw`"C:\xampp"`,
      '1:4 "\\\\xa" a hexadecimal escape has two digits; write `\\\\` for a backslash',
    ],
    [
      String.raw`#| "\999" |# a`,
      '1:5 "\\\\999" a decimal escape goes from `\\000` to `\\255`; write `\\\\` for a backslash',
    ],
    [
      String.raw`"\xff\195x"`,
      '1:2 "\\\\xff\\\\195" these escapes are not valid UTF-8; write `\\\\` for a backslash',
    ],
    ["a\0b", '1:2 "\\u0000" a NUL character cannot be passed to a command'],
    ['"a\0b"', '1:3 "\\u0000" a NUL character cannot be passed to a command'],
    [String.raw`"\000"`, '1:2 "\\\\000" a NUL character cannot be passed to a command'],
    [String.raw`"\x00"`, '1:2 "\\\\x00" a NUL character cannot be passed to a command'],
    ["(a \ud800)", '1:4 "\\ud800" half a surrogate pair is not a character'],
  ])("%j", (text, expected) => {
    expect(errorsOf(text)).toEqual([expected]);
  });

  test("every lexical error is listed, with the first of structure", () => {
    expect(errorsOf('(a\0 "\\256" |#\n(b')).toEqual([
      '1:3 "\\u0000" a NUL character cannot be passed to a command',
      '1:6 "\\\\256" a decimal escape goes from `\\000` to `\\255`; write `\\\\` for a backslash',
      '1:12 "|#" `|#` ends no comment; a block comment starts with `#|`',
      '2:1 "(" this `(` is not closed, nor is the one around it',
    ]);
  });

  test("the outermost list is not blamed for a text without indentation", () => {
    expect(errorsOf("(\n(from a)\n(run (shell x))\n")).toEqual(['1:1 "(" this `(` is not closed']);
  });
});

describe("limits", () => {
  test("1000 levels are read, 1001 are not", () => {
    const nested = (depth: number): string => "(".repeat(depth) + ")".repeat(depth);
    expect(readSexp({ name: "test", text: nested(1000) }).ok).toBe(true);
    expect(errorsOf(nested(1001))).toEqual(['1:1001 "(" nested more than 1000 levels deep']);
    expect(errorsOf(`${"#;".repeat(1001)}a`)).toEqual([
      '1:2001 "#;" nested more than 1000 levels deep',
    ]);
  });

  test("a million parentheses and deeply nested comments do not overflow", () => {
    expect(errorsOf("(".repeat(1e6))).toHaveLength(1);
    expect(read(`${"#|".repeat(1e5)}${"|#".repeat(1e5)}a`)).toBe("a");
  });

  test("4 Mi characters are read, one more is not", () => {
    const longest = `"${"x".repeat(4 * 1024 * 1024 - 2)}"`;
    expect(readSexp({ name: "test", text: longest }).ok).toBe(true);
    expect(errorsOf(`${longest} `)).toEqual(['1:1 "" the text is larger than 4 MiB']);
  });

  test("of many errors the first 1000 are listed", () => {
    const errors = errorsOf(`(${"|# ".repeat(1500)})`);
    expect(errors).toHaveLength(1001);
    expect(errors.at(-1)).toBe('1:2999 "|#" 500 more problems are not listed');
  });
});
