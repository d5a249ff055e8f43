import { expect, test } from "vitest";
import { atomInMessage, quoteAtom } from "./quote-atom.ts";
import { readSexp } from "./reader.ts";

test.each([
  ["run", "run"],
  ["/usr/bin:~/x,y=$z%&*'", "/usr/bin:~/x,y=$z%&*'"],
  ["naïve-日本-😀", "naïve-日本-😀"],
  ["a#b|c", "a#b|c"],
  ["#", "#"],
  ["", '""'],
  ["a b", '"a b"'],
  ["(a)", '"(a)"'],
  ["a;b", '"a;b"'],
  ["#|", '"#|"'],
  ["a|#b", '"a|#b"'],
  ['say "hi"', String.raw`"say \"hi\""`],
  ["C:\\x", String.raw`"C:\\x"`],
  ["a\nb\tc\rd\be", String.raw`"a\nb\tc\rd\be"`],
  ["\u001b[31m\u007f", String.raw`"\027[31m\127"`],
  ["\u0085\u2028\u202e\ufeff", String.raw`"\194\133\226\128\168\226\128\174\239\187\191"`],
])("%j is spelt %s and reads back", (text, spelt) => {
  expect(quoteAtom(text)).toBe(spelt);
  const document = readSexp({ name: "test", text: `(${spelt} ${spelt})` });
  expect(document.ok && document.value.sexp).toMatchObject({ items: [{ text }, { text }] });
});

test("every character but NUL reads back", () => {
  const changed: number[] = [];
  for (let code = 1; code < 0x3000; code += 1) {
    const text = `${String.fromCharCode(code)}x`;
    const document = readSexp({ name: "test", text: quoteAtom(text) });
    const sexp = document.ok ? document.value.sexp : undefined;
    if (sexp?.kind !== "atom" || sexp.text !== text) changed.push(code);
  }
  expect(changed).toEqual([]);
});

test("messages show the start of long atoms", () => {
  expect(atomInMessage("x".repeat(40))).toBe(`\`${"x".repeat(40)}\``);
  expect(atomInMessage("x".repeat(41))).toBe(`\`${"x".repeat(39)}…\``);
  expect(atomInMessage(`${"x".repeat(39)}😀`)).toBe(`\`${"x".repeat(39)}…\``);
});
