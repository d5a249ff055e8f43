import { expect, test } from "vitest";
import { generateKeyPair, publicKeyOf } from "./key-pair.ts";

test("every pair can be read again, as not every pair of ssh2's can", () => {
  for (let count = 0; count < 1_000; count++) {
    const { privateKey, publicKey } = generateKeyPair("vmbuild");
    expect(publicKey.startsWith(publicKeyOf(privateKey))).toBe(true);
  }
});

test("a text that is no key is refused", () => {
  expect(() => publicKeyOf("hello")).toThrow("Unsupported key format");
});
