/**
 * Checksums with the names that Python's hashlib gives them (https://docs.python.org/3/library/hashlib.html): every
 * algorithm that Node's OpenSSL has.
 */
import { createHash, getHashes, type Hash } from "node:crypto";
import { failed, ok, type Result } from "../result.ts";
import { suggest } from "../spec/did-you-mean.ts";

/** What some bytes are expected to come to. */
export interface Checksum {
  /** As hashlib spells it: `sha256`, `sha3_256`, `blake2b`. */
  readonly algorithm: string;
  /** Lower-case hex. */
  readonly value: string;
}

/** Why two texts are no checksum, and which of them is wrong. */
export interface ChecksumProblem {
  readonly part: "type" | "value";
  /** A clause in lower case. */
  readonly message: string;
  readonly hint?: string;
}

/** Where hashlib's name is not the one OpenSSL's has in Node. */
const hashlibNames: readonly (readonly [node: RegExp, hashlib: string])[] = [
  [/^blake2b512$/, "blake2b"],
  [/^blake2s256$/, "blake2s"],
  [/^shake(\d+)$/, "shake_$1"],
  [/^(sha3|sha512)-(\d+)$/, "$1_$2"],
];

/** Signatures, and further names for what has one: nothing that anybody publishes checksums of. */
const noChecksum = /^rsa-|with|^ssl3-|^id-|^ripemd$|^rmd160$/i;

/** What people try first, so that it is told first. */
const usual = ["sha256", "sha512", "sha1", "md5", "sha3_256", "blake2b"];

/** The names of all algorithms, the usual ones first. */
export function checksumNames(): readonly string[] {
  const names = [...nodeNames().keys()].sort();
  return [
    ...usual.filter((name) => names.includes(name)),
    ...names.filter((name) => !usual.includes(name)),
  ];
}

/**
 * A checksum of its type and its value in hex. Upper and lower case are the same, and `SHA-256` is `sha256`. The digits
 * of a `shake_…` value say how long it is.
 */
export function parseChecksum(type: string, value: string): Result<Checksum, ChecksumProblem> {
  const algorithm = algorithmCalled(type);
  if (algorithm === undefined) {
    return failed({
      part: "type",
      message: `there is no checksum of the type ${type}`,
      hint: suggest(type, checksumNames()),
    });
  }
  const hex = value.trim().toLowerCase();
  const wrong = (message: string, hint?: string): Result<never, ChecksumProblem> =>
    failed({ part: "value", message, ...(hint === undefined ? {} : { hint }) });
  if (!/^[0-9a-f]+$/.test(hex)) return wrong("a checksum is written in hex digits");
  const digits = hex.length;
  if (isOfAnyLength(algorithm)) {
    return digits % 2 === 0
      ? ok({ algorithm, value: hex })
      : wrong("the hex digits of a checksum are pairs, and one is missing");
  }
  const expected = digestOf({ algorithm, value: "" }).digest("hex").length;
  if (digits === expected) return ok({ algorithm, value: hex });
  const others = usual.filter((name) => lengthOf(name) === digits);
  return wrong(
    `a checksum of the type ${algorithm} has ${expected} hex digits, and this has ${digits}`,
    others.length === 0 ? undefined : `so many has ${others.join(" or ")}`,
  );
}

/** A digest in the making, which comes to the checksum's value when it gets the right bytes. */
export function digestOf({ algorithm, value }: Checksum): Hash {
  const node = nodeNames().get(algorithm);
  if (node === undefined) throw new Error(`Internal error: no checksum is called ${algorithm}`);
  const options = isOfAnyLength(algorithm) ? { outputLength: value.length / 2 } : undefined;
  return createHash(node, options);
}

function algorithmCalled(name: string): string | undefined {
  const wanted = folded(name);
  return [...nodeNames().keys()].find((known) => folded(known) === wanted);
}

function folded(name: string): string {
  return name.trim().toLowerCase().replaceAll(/[-_/]/g, "");
}

function isOfAnyLength(algorithm: string): boolean {
  return algorithm.startsWith("shake_");
}

function lengthOf(algorithm: string): number | undefined {
  return nodeNames().has(algorithm)
    ? digestOf({ algorithm, value: "" }).digest("hex").length
    : undefined;
}

/** OpenSSL's name in Node for each of hashlib's. */
function nodeNames(): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const node of getHashes()) {
    if (noChecksum.test(node)) continue;
    const renamed = hashlibNames.find(([pattern]) => pattern.test(node));
    names.set(renamed === undefined ? node : node.replace(...renamed), node);
  }
  return names;
}
