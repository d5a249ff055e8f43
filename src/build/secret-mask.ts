/**
 * Takes the values of secrets out of a step's output before anybody, a log included, gets it.
 */

/** What stands in the place of a value. */
const mask = Buffer.from("***");

/** Shorter values, and shorter lines of values, are not looked for: half of the output would be masked. */
const shortestBytes = 4;

/** Longer lines are looked for in pieces, so that no more than this has to be held back. */
const pieceBytes = 1024;

/**
 * A value as it is looked for: each of its lines by itself, without blanks around it. A value of several lines is
 * masked where a part of them shows up, too.
 */
export function maskedPieces(value: Uint8Array): readonly Buffer[] {
  return linesOf(Buffer.from(value)).flatMap(piecesOf);
}

/**
 * Masks one stream of output that comes in chunks, cut anywhere. The end of a chunk that may be the beginning of a
 * value is held back until what follows decides.
 */
export class SecretMask {
  /** By the first four bytes, longest first. */
  readonly #byStart = new Map<number, Buffer[]>();
  /** By the first byte. */
  readonly #byByte: Buffer[][] = Array.from({ length: 256 }, () => []);
  readonly #isIdle: boolean;
  #held: Buffer = Buffer.alloc(0);
  /** The last thing given was a mask; one that follows right behind it adds nothing but the value's length. */
  #isMasked = false;

  constructor(values: Iterable<Uint8Array>) {
    const texts = new Set(
      [...values].flatMap(maskedPieces).map((piece) => piece.toString("latin1")),
    );
    this.#isIdle = texts.size === 0;
    for (const text of [...texts].sort((a, b) => b.length - a.length)) {
      const piece = Buffer.from(text, "latin1");
      this.#byByte[piece[0] ?? 0]?.push(piece);
      const start = piece.readUInt32LE(0);
      const known = this.#byStart.get(start);
      if (known === undefined) this.#byStart.set(start, [piece]);
      else known.push(piece);
    }
  }

  /** Takes a chunk and gives what can be shown by now. */
  push(chunk: Buffer): Buffer {
    return this.#isIdle ? chunk : this.#show(Buffer.concat([this.#held, chunk]), false);
  }

  /** Gives what is left when the output has ended. */
  end(): Buffer {
    return this.#show(this.#held, true);
  }

  #show(output: Buffer, isLast: boolean): Buffer {
    const shown: Buffer[] = [];
    let plain = 0;
    let at = 0;
    const flush = (): void => {
      if (at === plain) return;
      shown.push(output.subarray(plain, at));
      this.#isMasked = false;
    };
    while (at < output.length) {
      const length = this.#lengthAt(output, at, isLast);
      if (length === undefined) break;
      if (length === 0) {
        at += 1;
        continue;
      }
      flush();
      if (!this.#isMasked) shown.push(mask);
      this.#isMasked = true;
      at += length;
      plain = at;
    }
    flush();
    this.#held = Buffer.from(output.subarray(at));
    return Buffer.concat(shown);
  }

  /** How long the piece is that begins at `at`: 0 for none, undefined when what follows decides. */
  #lengthAt(output: Buffer, at: number, isLast: boolean): number | undefined {
    const alike = this.#byByte[output[at] ?? 0] ?? [];
    if (alike.length === 0) return 0;
    const rest = output.length - at;
    const isCut = rest < shortestBytes;
    const candidates = isCut ? alike : (this.#byStart.get(output.readUInt32LE(at)) ?? []);
    for (const piece of candidates) {
      const length = Math.min(piece.length, rest);
      if (output.compare(piece, 0, length, at, at + length) !== 0) continue;
      if (length === piece.length) return length;
      if (!isLast) return undefined;
    }
    return 0;
  }
}

function linesOf(value: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let start = 0;
  for (let at = 0; at <= value.length; at++) {
    if (at < value.length && value[at] !== 0x0a && value[at] !== 0x0d) continue;
    lines.push(withoutBlanks(value.subarray(start, at)));
    start = at + 1;
  }
  return lines;
}

function withoutBlanks(line: Buffer): Buffer {
  const isBlank = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x09;
  let start = 0;
  let end = line.length;
  while (start < end && isBlank(line[start])) start += 1;
  while (end > start && isBlank(line[end - 1])) end -= 1;
  return line.subarray(start, end);
}

/** The last piece takes a rest with it that would be too short to be looked for. */
function piecesOf(line: Buffer): Buffer[] {
  if (line.length < shortestBytes) return [];
  const pieces: Buffer[] = [];
  let at = 0;
  while (line.length - at >= pieceBytes + shortestBytes) {
    pieces.push(line.subarray(at, at + pieceBytes));
    at += pieceBytes;
  }
  pieces.push(line.subarray(at));
  return pieces;
}
