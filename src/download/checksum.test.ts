import { describe, expect, test } from "vitest";
import { checksumNames, digestOf, parseChecksum } from "./checksum.ts";

/** What Python's `hashlib.new(NAME, b"vmbuild").hexdigest()` gives. */
const byHashlib: readonly (readonly [name: string, value: string])[] = [
  ["md5", "8349e786aefa6243790db361e78f97b2"],
  ["sha1", "a1c4cb9fad5b8b1abb96fd9d11226a149c8f53f4"],
  ["sha256", "3e5dd47a3c5b4572f571949edf17f035b68f4fa70d374712e9120d32af6c63bf"],
  [
    "sha384",
    "86655b16e852184ba0d74e2e7601d24bbcc9f9821878d1f906955ecba86aa5497dea8085137a4ac3b1efd1e408d496f0",
  ],
  ["sha3_224", "db4a168997b4f4afbfaf3ae779af12836db3b41f50050c90cbdd525a"],
  ["sha3_256", "c133d2ae2a9336015ae09c483f58469bccc0b27a6665fefdcaf5d162dcafab7d"],
  ["sha512_256", "20d2afa19f66d77a319959540ca976771490818e2a1da0625bfc761db677f4e0"],
  ["sm3", "b6df6ebc7d7ce18ea26e62c5dbef28be9516ad2e8d42cb9cc2c5759a4d8b7dfc"],
  [
    "blake2b",
    "6d236f902ae54506e295cdc2041a435979f7cf77d31b14e44144dc0186e7a0572e7ca0e308abc23bbb1aaab59afebbe3e6c9ee21a39a3b82b9ee590437e4880a",
  ],
  ["blake2s", "d0ef4c04d4a11aa16c4bdf65bcafde1b0e706327c1bc1d817301e142d205147b"],
  ["shake_128", "1b77a19de127960710af"],
  ["shake_256", "a16f0014cfe3e1c7cc4c024924ed2bc41833268c674d44ff2dba6696f8f23995ee3fb2a1b2e8c321"],
];

test.each(byHashlib)("%s is what hashlib has under that name", (name, value) => {
  const parsed = parseChecksum(name, value);
  expect(parsed).toEqual({ ok: true, value: { algorithm: name, value } });
  expect(digestOf({ algorithm: name, value }).update("vmbuild").digest("hex")).toBe(value);
});

test("names are those of hashlib alone, the usual ones first", () => {
  const names = checksumNames();
  expect(names.slice(0, 3)).toEqual(["sha256", "sha512", "sha1"]);
  expect(names).toEqual(expect.arrayContaining(byHashlib.map(([name]) => name)));
  expect(names.filter((name) => /^rsa|with|^id-|^ssl3|blake2b512/i.test(name))).toEqual([]);
});

test("upper case, blanks and other dashes make no difference", () => {
  const [name, value] = [
    "SHA-256",
    "3E5DD47A3C5B4572F571949EDF17F035B68F4FA70D374712E9120D32AF6C63BF ",
  ];
  expect(parseChecksum(name, value)).toMatchObject({
    ok: true,
    value: { algorithm: "sha256", value: value.trim().toLowerCase() },
  });
  expect(parseChecksum("sha3-256", "0".repeat(64))).toMatchObject({
    value: { algorithm: "sha3_256" },
  });
});

describe("wrong checksums", () => {
  test.each<[type: string, value: string, part: string, message: string, hint?: string]>([
    ["sha265", "00", "type", "there is no checksum of the type sha265", "did you mean `sha256`?"],
    ["RSA-SHA256", "00", "type", "there is no checksum of the type RSA-SHA256"],
    ["md5", "xyz", "value", "a checksum is written in hex digits"],
    [
      "sha256",
      "0".repeat(128),
      "value",
      "a checksum of the type sha256 has 64 hex digits, and this has 128",
      "so many has sha512 or blake2b",
    ],
    ["md5", "00", "value", "a checksum of the type md5 has 32 hex digits, and this has 2"],
    ["shake_128", "000", "value", "the hex digits of a checksum are pairs, and one is missing"],
  ])("%s %s", (type, value, part, message, hint) => {
    const parsed = parseChecksum(type, value);
    expect(parsed).toMatchObject({ ok: false, error: { part, message } });
    if (hint !== undefined) expect(parsed).toMatchObject({ error: { hint } });
  });
});
