/**
 * What is offered to a guest's SSH server (RFC 4253, section 7.1): the client's order decides, so the
 * cheapest to emulate comes first, and everything an old or small server may need follows.
 */

/** Key exchanges. */
export const keyExchanges = [
  "curve25519-sha256",
  "curve25519-sha256@libssh.org",
  "ecdh-sha2-nistp256",
  "ecdh-sha2-nistp384",
  "ecdh-sha2-nistp521",
  "diffie-hellman-group14-sha256",
  "diffie-hellman-group16-sha512",
  "diffie-hellman-group14-sha1",
] as const;

/** Ciphers. */
export const ciphers = [
  "chacha20-poly1305@openssh.com",
  "aes128-gcm@openssh.com",
  "aes128-ctr",
  "aes256-gcm@openssh.com",
  "aes256-ctr",
] as const;

/** Message authentication, for the ciphers that have none of their own. */
export const macs = [
  "hmac-sha2-256-etm@openssh.com",
  "hmac-sha2-256",
  "hmac-sha1-etm@openssh.com",
  "hmac-sha1",
] as const;

const hostKeyAlgorithms = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-256",
  "rsa-sha2-512",
  "ssh-rsa",
] as const;

/** A host key algorithm that may be offered. */
export type HostKeyAlgorithm = (typeof hostKeyAlgorithms)[number];

/**
 * The host key algorithms, those of the pinned key's type first: a server with several keys would
 * otherwise show one that does not match. The rest stays, so that a mismatch can be told as one.
 */
export function hostKeyOrder(pinned: string | undefined): HostKeyAlgorithm[] {
  const type = pinned === undefined ? "" : publicKeyFields(pinned).type;
  const isPinned = (algorithm: HostKeyAlgorithm) =>
    algorithm === type || (type === "ssh-rsa" && algorithm.startsWith("rsa-sha2-"));
  return [
    ...hostKeyAlgorithms.filter(isPinned),
    ...hostKeyAlgorithms.filter((algorithm) => !isPinned(algorithm)),
  ];
}

/** True when an OpenSSH public key line and a key blob (RFC 4253, section 6.6) are the same key. */
export function isSameKey(line: string, blob: Buffer): boolean {
  return publicKeyFields(line).base64 === blob.toString("base64");
}

/** The OpenSSH public key line of a key blob, without a comment. */
export function publicKeyLine(blob: Buffer): string {
  // The blob starts with its type as an SSH string: a 32-bit length, then the characters.
  const type = blob.length < 4 ? "" : blob.toString("latin1", 4, 4 + blob.readUInt32BE(0));
  return `${type} ${blob.toString("base64")}`;
}

function publicKeyFields(line: string): { type: string; base64: string } {
  const [type = "", base64 = ""] = line.trim().split(/\s+/);
  return { type, base64 };
}
