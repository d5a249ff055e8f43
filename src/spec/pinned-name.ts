const pinMark = "@sha256:";

/** A name and, where one is pinned, the content it must have. */
export interface PinnedName {
  readonly name: string;
  /** Lower-case hex SHA-256. */
  readonly digest?: string;
}

/** `NAME` or `NAME@sha256:DIGEST` in its parts; the digest is as it stands there. */
export interface PinnedText {
  readonly name: string;
  readonly digest?: string;
  /** Where the pin begins in the text. */
  readonly pinAt: number;
}

/** Divides `text` at its first `@sha256:`. */
export function splitPin(text: string): PinnedText {
  const pinAt = text.indexOf(pinMark);
  if (pinAt === -1) return { name: text, pinAt: text.length };
  return { name: text.slice(0, pinAt), digest: text.slice(pinAt + pinMark.length), pinAt };
}

/** True of the 64 hex digits of a SHA-256, in either case. */
export function isDigest(text: string): boolean {
  return /^[\da-f]{64}$/iu.test(text);
}

/** The text that {@link splitPin} divides. */
export function pinnedText({ name, digest }: PinnedName): string {
  return digest === undefined ? name : name + pinMark + digest;
}
