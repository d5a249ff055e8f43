import { expect, test } from "vitest";
import { hostKeyOrder, isSameKey, publicKeyLine } from "./ssh-negotiation.ts";

const base64 = "AAAAC3NzaC1lZDI1NTE5AAAAIMBXNis+rKLzoe61Ncj17sCLsPafFBD3ug20vMA5+slp";
const blob = Buffer.from(base64, "base64");

test.each([
  [undefined, "ssh-ed25519"],
  ["ecdsa-sha2-nistp256 AAAA root@guest", "ecdsa-sha2-nistp256"],
  ["ssh-rsa AAAA", "rsa-sha2-256"],
] as const)("with %s pinned, its type is asked for first", (pinned, first) => {
  const order = hostKeyOrder(pinned);
  expect(order[0]).toBe(first);
  expect(new Set(order).size).toBe(7);
});

test("a key is the same with and without a comment", () => {
  expect(isSameKey(`ssh-ed25519 ${base64}`, blob)).toBe(true);
  expect(isSameKey(`ssh-ed25519  ${base64} root@guest\n`, blob)).toBe(true);
  expect(isSameKey("ssh-ed25519 AAAA", blob)).toBe(false);
});

test("a blob is shown as OpenSSH writes it", () => {
  expect(publicKeyLine(blob)).toBe(`ssh-ed25519 ${base64}`);
  expect(publicKeyLine(Buffer.alloc(0))).toBe(" ");
});
