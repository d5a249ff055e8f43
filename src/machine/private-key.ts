import ssh2 from "ssh2";
import type { KeyCheck } from "./ssh-identity.ts";

/** Tells whether a private key file's text can be used without a passphrase. */
export function checkPrivateKey(privateKey: string): KeyCheck {
  const key = ssh2.utils.parseKey(privateKey);
  if (!(key instanceof Error)) {
    return key.isPrivateKey()
      ? { kind: "usable" }
      : { kind: "malformed", message: "this is not a private key" };
  }
  return /encrypted|passphrase/i.test(key.message)
    ? { kind: "encrypted" }
    : { kind: "malformed", message: key.message };
}
