import ssh2 from "ssh2";

/** An ed25519 key pair for logging in, in OpenSSH's formats. */
export interface KeyPair {
  readonly privateKey: string;
  /** One line as in `authorized_keys`. */
  readonly publicKey: string;
}

/** Makes a key pair without a passphrase. */
export function generateKeyPair(comment: string): KeyPair {
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync("ed25519", { comment });
    // ssh2 drops the zeros a public key begins with, so one pair in 256 can be read by nobody.
    const isReadable = !(ssh2.utils.parseKey(pair.private) instanceof Error);
    if (isReadable) return { privateKey: pair.private, publicKey: pair.public };
  }
}

/**
 * The public half of an OpenSSH private key, as one line for `authorized_keys`.
 *
 * @throws Error when the text is no private key or has a passphrase
 */
export function publicKeyOf(privateKey: string): string {
  const key = ssh2.utils.parseKey(privateKey);
  if (key instanceof Error) throw key;
  return `${key.type} ${key.getPublicSSH().toString("base64")}`;
}
