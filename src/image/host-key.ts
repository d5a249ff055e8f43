import { generateKeyPairSync } from "node:crypto";

/** An SSH server's ed25519 key, in the forms an image needs. */
export interface HostKey {
  /** The public key as OpenSSH writes it: `ssh-ed25519 AAAA…`. */
  readonly publicKey: string;
  /** The private key as dropbear's server reads it. */
  readonly dropbear: Buffer;
  /** The private key in PKCS#8 PEM, which OpenSSH's server reads. */
  readonly pem: string;
}

/**
 * Makes a host key.
 *
 * The public key's form is RFC 8709; dropbear's private form is the algorithm's name followed by one
 * string of seed and public key (dropbear, `gened25519.c` and `ed25519.c`).
 */
export function generateHostKey(): HostKey {
  const { privateKey } = generateKeyPairSync("ed25519");
  const { d, x } = privateKey.export({ format: "jwk" });
  if (d === undefined || x === undefined)
    throw new Error("Internal error: an ed25519 key without parts");
  const seed = Buffer.from(d, "base64url");
  const point = Buffer.from(x, "base64url");
  const name = sshString(Buffer.from("ssh-ed25519"));
  return {
    publicKey: `ssh-ed25519 ${Buffer.concat([name, sshString(point)]).toString("base64")}`,
    dropbear: Buffer.concat([name, sshString(Buffer.concat([seed, point]))]),
    pem: privateKey.export({ format: "pem", type: "pkcs8" }).toString(),
  };
}

/** RFC 4251, section 5: a string is its length in four bytes and its bytes. */
function sshString(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
