import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { maskedPieces, SecretMask } from "./secret-mask.ts";

/** The output in chunks of `size` bytes, masked. */
function masked(
  values: readonly (string | Buffer)[],
  output: string | Buffer,
  size: number,
): string {
  const mask = new SecretMask(values.map((value) => Buffer.from(value)));
  const bytes = Buffer.from(output);
  const shown: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size)
    shown.push(mask.push(bytes.subarray(at, at + size)));
  shown.push(mask.end());
  return Buffer.concat(shown).toString("latin1");
}

describe.each([1, 2, 3, 5, 1000])("in chunks of %i bytes", (size) => {
  test.each<[what: string, values: readonly string[], output: string, shown: string]>([
    ["nothing of it", ["hunter22"], "no secret here\n", "no secret here\n"],
    ["it alone", ["hunter22"], "hunter22", "***"],
    ["it with a newline that was in the file", ["hunter22\n"], "a hunter22 b\n", "a *** b\n"],
    ["it in a word", ["hunter22"], "xhunter22x", "x***x"],
    ["its beginning only", ["hunter22"], "hunter2\nhunter", "hunter2\nhunter"],
    ["it twice in a row", ["hunter22"], "hunter22hunter22.", "***."],
    ["it behind its own beginning", ["aab1aab2"], "aab1aab1aab2", "aab1***"],
    [
      "two, one of which begins the other",
      ["pass", "password"],
      "password pass passw",
      "*** *** ***w",
    ],
    ["two that overlap", ["abcdef", "defghi"], "abcdefghi", "***ghi"],
    [
      "lines of a value, in any order",
      ["first1\r\n  second2\t\nxy\n"],
      "second2\nfirst1\nxy\n",
      "***\n***\nxy\n",
    ],
    ["one that is too short", ["abc", ""], "abc", "abc"],
  ])("shows %s", (_, values, output, shown) => {
    expect(masked(values, output, size)).toBe(shown);
  });

  test("finds any bytes, longer than what is held back", () => {
    // Blanks at its ends would not be looked for.
    const ends = Buffer.from([0, 255, 128, 27]);
    const value = Buffer.concat([ends, randomBytes(5000), ends]);
    for (const [at, byte] of value.entries()) if (byte === 10 || byte === 13) value[at] = 0;
    const output = Buffer.concat([Buffer.from("<"), value, Buffer.from(">")]);
    expect(masked([value], output, size)).toBe("<***>");
  });
});

test("output that nothing is looked for in is passed on as it is", () => {
  const chunk = Buffer.from("as it is");
  expect(new SecretMask([]).push(chunk)).toBe(chunk);
});

test("what may be a value's beginning is all that is held back", () => {
  const mask = new SecretMask([Buffer.from("hunter22")]);
  expect(mask.push(Buffer.from("password: hunt")).toString()).toBe("password: ");
  expect(mask.push(Buffer.from("ing\n")).toString()).toBe("hunting\n");
});

test("a value of many lines costs no more than its output", () => {
  const lines = Array.from({ length: 20_000 }, () => randomBytes(24).toString("hex"));
  const value = lines.join("\n");
  expect(maskedPieces(Buffer.from(value))).toHaveLength(20_000);
  const output = `${value}\n${"x".repeat(2 ** 20)}`;
  const shown = masked([value], output, 64 * 1024);
  expect(shown).not.toMatch(/[0-9a-f]{4}/);
  expect(shown.endsWith("x".repeat(2 ** 20))).toBe(true);
});
