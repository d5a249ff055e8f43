import { generateKeyPairSync, randomBytes } from "node:crypto";

/** An SSH server's ed25519 key, in the forms an image needs. */
export interface HostKey {
  /** The public key as OpenSSH writes it: `ssh-ed25519 AAAA…`. */
  readonly publicKey: string;
  /** The private key as dropbear's server reads it. */
  readonly dropbear: Buffer;
  /** The private key as OpenSSH's server reads it. */
  readonly openssh: string;
}

/**
 * Makes a host key.
 *
 * The public key's form is RFC 8709; dropbear's private form is the algorithm's name followed by one
 * string of seed and public key (dropbear, `gened25519.c` and `ed25519.c`); OpenSSH's is `PROTOCOL.key` in its
 * source, with two equal numbers to check a passphrase by, which this has not got.
 */
export function generateHostKey(): HostKey {
  const { privateKey } = generateKeyPairSync("ed25519");
  const { d, x } = privateKey.export({ format: "jwk" });
  if (d === undefined || x === undefined)
    throw new Error("Internal error: an ed25519 key without parts");
  const seed = Buffer.from(d, "base64url");
  const point = Buffer.from(x, "base64url");
  const name = sshString(Buffer.from("ssh-ed25519"));
  const publicBlob = Buffer.concat([name, sshString(point)]);
  const secret = sshString(Buffer.concat([seed, point]));
  return {
    publicKey: `ssh-ed25519 ${publicBlob.toString("base64")}`,
    dropbear: Buffer.concat([name, secret]),
    openssh: opensshKey(publicBlob, secret),
  };
}

function opensshKey(publicBlob: Buffer, secret: Buffer): string {
  const none = sshString(Buffer.from("none"));
  const noComment = sshString(Buffer.alloc(0));
  const keys = Buffer.concat([randomCheck(), publicBlob, secret, noComment]);
  const padding = Buffer.from(Array.from({ length: (8 - (keys.length % 8)) % 8 }, (_, i) => i + 1));
  const blob = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    none,
    none,
    sshString(Buffer.alloc(0)),
    Buffer.from([0, 0, 0, 1]),
    sshString(publicBlob),
    sshString(Buffer.concat([keys, padding])),
  ]);
  const lines = blob.toString("base64").match(/.{1,70}/g) ?? [];
  return [
    "-----BEGIN OPENSSH PRIVATE KEY-----",
    ...lines,
    "-----END OPENSSH PRIVATE KEY-----",
    "",
  ].join("\n");
}

function randomCheck(): Buffer {
  const number = randomBytes(4);
  return Buffer.concat([number, number]);
}

/** RFC 4251, section 5: a string is its length in four bytes and its bytes. */
function sshString(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
