import { createPrivateKey, createPublicKey } from "node:crypto";
import { expect, test } from "vitest";
import { generateHostKey } from "./host-key.ts";

test("all forms of a host key are of one key", () => {
  const key = generateHostKey();
  const point = createPublicKey(createPrivateKey(key.pem)).export({ format: "jwk" }).x ?? "";
  const blob = Buffer.from(key.publicKey.split(" ")[1] ?? "", "base64");
  // Name (4 + 11 bytes), length, 32 bytes of key.
  expect(blob.length).toBe(4 + 11 + 4 + 32);
  expect(blob.subarray(-32).toString("base64url")).toBe(point);
  expect(key.dropbear.length).toBe(4 + 11 + 4 + 64);
  expect(key.dropbear.subarray(-32).toString("base64url")).toBe(point);
});

test("no two host keys are the same", () => {
  expect(generateHostKey().publicKey).not.toBe(generateHostKey().publicKey);
});
