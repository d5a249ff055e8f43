import { expect, test } from "vitest";
import { decodeText } from "./decode-text.ts";
import { placeName } from "./line-and-column.ts";

function decode(...bytes: number[]): string {
  const text = decodeText(Uint8Array.from(bytes), "test.spec");
  if (text.ok) return JSON.stringify(text.value);
  return text.error
    .map(({ source, range, message, hint }) => {
      return `${source.name}:${placeName(source.text, range.start)}: ${message}; ${hint}`;
    })
    .join("\n");
}

const bytesOf = (text: string): number[] => [...new TextEncoder().encode(text)];

test.each([
  ["ASCII", bytesOf("(a)\r\n"), "(a)\r\n"],
  ["UTF-8 of every length", bytesOf("é€😀"), "é€😀"],
  ["a byte order mark is dropped", [0xef, 0xbb, 0xbf, ...bytesOf("é")], "é"],
  ["a replacement character that is really there", bytesOf("a\ufffdb"), "a\ufffdb"],
])("%s", (_name, bytes, text) => {
  expect(decode(...bytes)).toBe(JSON.stringify({ name: "test.spec", text }));
});

test.each([
  ["a lone byte", [0x61, 0xff], "1:2: this is not UTF-8 text: unexpected byte 0xff"],
  [
    "Latin-1",
    [...bytesOf("é\n a"), 0xe9, 0x62],
    "2:3: this is not UTF-8 text: unexpected byte 0xe9",
  ],
  ["a cut sequence", [0xe2, 0x82], "1:1: this is not UTF-8 text: unexpected byte 0xe2"],
  ["an overlong form", [0xc0, 0x80], "1:1: this is not UTF-8 text: unexpected byte 0xc0"],
  ["behind a mark", [0xef, 0xbb, 0xbf, 0x80], "1:1: this is not UTF-8 text: unexpected byte 0x80"],
  [
    "behind a real replacement character",
    [...bytesOf("\ufffd\ufffd"), 0x80],
    "1:3: this is not UTF-8 text: unexpected byte 0x80",
  ],
])("%s is not UTF-8", (_name, bytes, expected) => {
  expect(decode(...bytes)).toBe(`test.spec:${expected}; save the file as UTF-8`);
});

test("UTF-16 is recognised", () => {
  expect(decode(0xff, 0xfe, 0x28, 0x00)).toBe(
    "test.spec:1:1: this is not UTF-8 text: unexpected byte 0xff; it looks like UTF-16; save the file as UTF-8",
  );
});

test("what is too long is not decoded", () => {
  const text = decodeText(new Uint8Array(4 * 1024 * 1024 + 1).fill(0x61), "test.spec");
  expect(text.ok ? [] : text.error.map(({ message }) => message)).toEqual([
    "the text is larger than 4 MiB",
  ]);
});
