import { randomBytes } from "node:crypto";
import { encrypt } from "unixcrypt";

/**
 * A password as crypt(3) keeps it: SHA-512 with a salt (`$6$`), in 5000 rounds, as `mkpasswd --method=SHA-512` makes it.
 *
 * @param salt at most 16 of `./0-9A-Za-z`
 */
export function hashPassword(password: string, salt: string = randomSalt()): string {
  return encrypt(password, `$6$${salt}`);
}

/** Whether a text is what crypt(3) makes of a password by any method that systems use. */
export function isPasswordHash(text: string): boolean {
  return /^\$(?:1|2[abxy]|5|6|7|y|gy)\$[./0-9A-Za-z$=,-]{20,}$/.test(text);
}

/** 96 random bits in the 16 characters that a salt may have. */
function randomSalt(): string {
  return randomBytes(12).toString("base64").replaceAll("+", ".");
}
