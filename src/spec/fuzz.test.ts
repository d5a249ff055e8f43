import { describe, expect, test } from "vitest";
import { decodeText } from "./decode-text.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { formatSpec } from "./format.ts";
import { parseSpec } from "./parse-spec.ts";
import { printOp } from "./print-op.ts";
import { quoteAtom } from "./quote-atom.ts";
import { readSexp } from "./reader.ts";
import { renderDiagnostic } from "./render-diagnostic.ts";
import type { Sexp, SexpDocument, SexpElement } from "./sexp.ts";
import type { Spec } from "./spec.ts";
import { strictObuilderDiagnostics } from "./strict-obuilder.ts";

/** Mulberry32: the same numbers on every run. */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let bits = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  pick<T>(values: readonly T[]): T {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new Error("nothing to pick from");
    return value;
  }

  many<T>(make: () => T, most: number): T[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }
}

const tokens = [
  '( ( ) ) a run shell from build copy src dst 0x1 é 日 😀 \u0301 # | #| |# #; ; " \\'.split(" "),
  [" ", "\n", "\r\n", "\t", "\f", "\u000b", "\r", "\0", "; x\n", "#| c |#", "#;d "],
  ['"x y"', '"\\n"', "\\n", "\\\n  ", "\\\r\n", "\\065", "\\195\\169", "\\256", "\\x4", "\\xff"],
].flat();

const words = [
  "a",
  "dev",
  "/src/",
  '"a b"',
  '""',
  "host",
  "é",
  '"\\n"',
  "1000",
  ".",
  "context",
  '"a\\\n   b"',
  '"a\nb"',
];

function fields(random: Random, kind: "run" | "copy"): string {
  const word = (): string => random.pick(words);
  const mount = (): string => `(${word()} (target ${word()}))`;
  if (kind === "run") {
    const cache = random.many(mount, 2).join(" ");
    const comments = trivia(random);
    return `(cache ${cache})${comments}(network ${random.many(word, 2).join(" ")}) (shell ${word()})`;
  }
  return `(src ${word()} ${random.many(word, 8).join(trivia(random))}) (dst ${word()})${trivia(random)}`;
}

function trivia(random: Random): string {
  const kinds = [
    " ",
    "\n",
    "\n\n\n",
    " ; note\n",
    "\n; note\n",
    " #| b |# ",
    "\n#| b\n c |#\n",
    " #;(x y) ",
    "\n#; #;a b\n",
  ];
  return random.pick(kinds.concat(Array.from({ length: 12 }, () => " ")));
}

function directive(random: Random): string {
  const word = (): string => random.pick(words);
  switch (random.below(8)) {
    case 0:
      return `(workdir ${word()})`;
    case 1:
      return `(env${trivia(random)}${word()} ${word()})`;
    case 2:
      return `(user (uid ${random.below(2000)})${trivia(random)}(gid 0x10))`;
    case 3:
      return `(shell ${random.many(word, 3).join(" ")})`;
    case 4:
      return `(Run (${fields(random, "run")}))`;
    case 5:
      return `(copy${trivia(random)}${fields(random, "copy")})`;
    case 6:
      return random.pick(["(reboot)", "(run (timeout 5m) (shell x))"]);
    default:
      return `(run${trivia(random)}${fields(random, "run")})`;
  }
}

function spec(random: Random, depth = 0): string {
  const builds = depth > 1 ? [] : random.many(() => `(build dev ${spec(random, depth + 1)})`, 2);
  const parts = [...builds, "(from a)", ...random.many(() => directive(random), 5)];
  return `(${parts.join(trivia(random))}${trivia(random)})${trivia(random)}`;
}

function soup(random: Random, most: number): string {
  return random.many(() => random.pick(tokens), most).join("");
}

/** Some characters of a text taken out, doubled or replaced. */
function mutated(random: Random, text: string): string {
  let result = text;
  for (let count = random.below(4); count > 0; count -= 1) {
    const at = random.below(result.length + 1);
    const insert = random.pick(["", random.pick(tokens), result.slice(at, at + random.below(9))]);
    result = result.slice(0, at) + insert + result.slice(at + random.below(3));
  }
  return result;
}

/** What must hold for any text, however broken; undefined when it does. */
function faultWith(text: string): string | undefined {
  const fault = findFault(text);
  return fault && `${fault} in ${JSON.stringify(text.slice(0, 1000))}`;
}

function findFault(text: string): string | undefined {
  const parsed = parseSpec({ name: "fuzz", text });
  const problems = parsed.ok ? parsed.value.warnings : parsed.error;
  const additions = parsed.ok ? strictObuilderDiagnostics(parsed.value.document) : [];
  if (parsed.ok === problems.some(({ severity }) => severity === "error"))
    return "errors and outcome disagree";
  return faultWithDiagnostics([...problems, ...additions], text) ?? faultWithFormatting(text);
}

function faultWithDiagnostics(
  diagnostics: readonly Diagnostic[],
  text: string,
): string | undefined {
  for (const diagnostic of diagnostics) {
    const { start, end } = diagnostic.range;
    if (start < 0 || end < start || end > text.length) return `range ${start}-${end}`;
    const rendered = renderDiagnostic(diagnostic, { color: false });
    if (/[^\P{Cc}\n]/u.test(rendered)) return `control characters in ${JSON.stringify(rendered)}`;
  }
  return undefined;
}

function faultWithFormatting(text: string): string | undefined {
  const before = readSexp({ name: "fuzz", text });
  const formatted = formatSpec({ name: "fuzz", text });
  if (formatted.ok !== before.ok) return "only one of reader and formatter takes it";
  if (!before.ok || !formatted.ok) return undefined;
  const again = formatSpec({ name: "fuzz", text: formatted.value });
  if (!again.ok || again.value !== formatted.value) return `not idempotent: ${formatted.value}`;
  const after = readSexp({ name: "fuzz", text: formatted.value });
  const isSame = after.ok && meaningOf(after.value) === meaningOf(before.value);
  return isSame ? undefined : `another meaning: ${formatted.value}`;
}

function meaningOf({ content, source }: SexpDocument): string {
  return JSON.stringify(content.map((element) => outline(element, source.text)));
}

/** An element with the comments in it, but without its layout. */
function outline(element: SexpElement, text: string): unknown {
  if (element.kind === "atom") return element.text;
  if (element.kind === "list") return element.content.map((item) => outline(item, text));
  if (element.kind === "datum-comment") {
    return {
      before: element.before.map((item) => outline(item, text)),
      datum: outline(element.datum, text),
    };
  }
  return {
    comment: text.slice(element.range.start, element.range.end).replaceAll("\r\n", "\n").trimEnd(),
  };
}

describe("any text is read, decoded, formatted and complained about without surprise", () => {
  test.each<[string, number, number, (random: Random) => string]>([
    ["token soup", 1, 3000, (random) => soup(random, 25)],
    ["token soup in a stage", 2, 3000, (random) => `((from a) ${soup(random, 12)})`],
    ["specs", 3, 500, (random) => spec(random)],
    ["mutated specs", 4, 1000, (random) => mutated(random, spec(random))],
  ])("%s (seed %d, %d texts)", (_name, seed, count, make) => {
    const random = new Random(seed);
    for (let made = 0; made < count; made += 1) {
      const text = make(random);
      expect(faultWith(text)).toBeUndefined();
    }
  });

  test("random bytes", () => {
    const random = new Random(5);
    const outcomes = { decoded: 0, refused: 0 };
    for (let made = 0; made < 2000; made += 1) {
      const bytes = Uint8Array.from(random.many(() => random.below(256), 20));
      const text = decodeText(bytes, "fuzz");
      if (text.ok) expect(faultWith(text.value.text)).toBeUndefined();
      outcomes[text.ok ? "decoded" : "refused"] += 1;
    }
    expect(Math.min(outcomes.decoded, outcomes.refused)).toBeGreaterThan(50);
  });

  test.each([
    ["opening parentheses", "(".repeat(1e6)],
    ["closing parentheses", ")".repeat(1e6)],
    ["quotes", '"'.repeat(1e6)],
    ["block comments", "#|".repeat(1e5)],
    ["datum comments", "#;".repeat(1e6)],
    ["backslashes in a string", `"${"\\".repeat(1e5)}"`],
    ["an unquoted atom", "x".repeat(1e6)],
    ["a quoted atom", `((from a) (run (shell "${"x\n".repeat(5e5)}")))`],
    ["unknown directives", `((from a) ${"(rnu) ".repeat(2e4)})`],
    ["repeated fields", `((from a) (run ${"(shell x) ".repeat(2e4)}))`],
    [
      "unknown builds",
      `(${"(build b ((from a))) ".repeat(5e3)} (from a) ${"(copy (from (build c)) (src a) (dst b)) ".repeat(5e3)})`,
    ],
    ["arguments", `((from a) (shell ${"x ".repeat(1e5)}))`],
    ["deep lists", `((from a) ${"(".repeat(900)}x${")".repeat(900)})`],
    ["deep builds", `${"((build x ".repeat(400)}((from a))${") (from a))".repeat(400)}`],
    ["hex escapes", `"${"\\x41".repeat(5e4)}"`],
  ])("very many or very long: %s", (_name, text) => {
    expect(faultWith(text)).toBeUndefined();
  });
});

test("an S-expression that is printed and read stays the same", () => {
  const random = new Random(6);
  const atom = (): string =>
    random
      .many(() => String.fromCodePoint(1 + random.below(random.pick([128, 0xd000]))), 6)
      .join("");
  const print = (depth: number): string =>
    depth === 0 || random.below(3) === 0
      ? quoteAtom(atom())
      : `(${random.many(() => print(depth - 1), 4).join(" ")})`;
  const printSexp = (sexp: Sexp): string =>
    sexp.kind === "atom" ? quoteAtom(sexp.text) : `(${sexp.items.map(printSexp).join(" ")})`;
  for (let count = 0; count < 2000; count += 1) {
    const text = print(4);
    const document = readSexp({ name: "fuzz", text });
    expect(document.ok && printSexp(document.value.sexp)).toBe(text);
  }
});

test("a spec that is printed and parsed stays the same", () => {
  const random = new Random(7);
  const print = ({ childBuilds, from, ops }: Spec): string => {
    const builds = childBuilds.map(
      (build) => `(build ${quoteAtom(build.name)} ${print(build.spec)})`,
    );
    return `(${[...builds, `(from ${quoteAtom(from.name)})`, ...ops.map(printOp)].join("\n")})`;
  };
  const withoutRanges = (value: Spec): string =>
    JSON.stringify(value, (key, part: unknown) => (key === "range" ? undefined : part));
  let compared = 0;
  for (let count = 0; count < 800; count += 1) {
    const parsed = parseSpec({ name: "fuzz", text: spec(random) });
    if (!parsed.ok) continue;
    const again = parseSpec({ name: "fuzz", text: print(parsed.value.spec) });
    expect(again.ok && withoutRanges(again.value.spec)).toBe(withoutRanges(parsed.value.spec));
    compared += 1;
  }
  expect(compared).toBeGreaterThan(50);
});
