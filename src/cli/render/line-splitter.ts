import { StringDecoder } from "node:string_decoder";
import { stripVTControlCharacters } from "node:util";

/**
 * Cuts a stream of bytes into lines for a person to read.
 *
 * A line ends at LF, CRLF or CR (a progress bar's updates become lines of their own). A guest decides
 * what it prints, so a line is cut after `maxLength` characters and control sequences are taken out:
 * nothing it prints can move the cursor, set a title or answer for the user's terminal.
 */
export class LineSplitter {
  readonly #decoder = new StringDecoder("utf8");
  readonly #maxLength: number;
  #rest = "";

  constructor(maxLength = 4096) {
    this.#maxLength = maxLength;
  }

  /** The lines that `chunk` completes. */
  push(chunk: Uint8Array): string[] {
    return this.#split(this.#rest + this.#decoder.write(Buffer.from(chunk)));
  }

  /** What is left at the end of the stream. */
  end(): string[] {
    const rest = this.#rest + this.#decoder.end();
    this.#rest = "";
    return rest === "" ? [] : [withoutControls(rest.replace(/\r$/, ""))];
  }

  #split(text: string): string[] {
    const lines: string[] = [];
    let start = 0;
    for (;;) {
      const end = nextBreak(text, start);
      if (end === undefined) break;
      lines.push(...this.#cut(text.slice(start, end.at)));
      start = end.next;
    }
    let rest = text.slice(start);
    while (rest.length > this.#maxLength) {
      lines.push(withoutControls(rest.slice(0, this.#maxLength)));
      rest = rest.slice(this.#maxLength);
    }
    this.#rest = rest;
    return lines;
  }

  #cut(line: string): string[] {
    const pieces: string[] = [];
    for (let at = 0; at === 0 || at < line.length; at += this.#maxLength) {
      pieces.push(withoutControls(line.slice(at, at + this.#maxLength)));
    }
    return pieces;
  }
}

/** A CR at the very end may be half of a CRLF, so it waits for what comes. */
function nextBreak(text: string, from: number): { at: number; next: number } | undefined {
  for (let at = from; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === 10) return { at, next: at + 1 };
    if (char === 13) {
      if (at + 1 === text.length) return undefined;
      return { at, next: text.charCodeAt(at + 1) === 10 ? at + 2 : at + 1 };
    }
  }
  return undefined;
}

/** Escape sequences as a whole, then every other control character but the tab. */
function withoutControls(line: string): string {
  return stripVTControlCharacters(line).replaceAll(/[^\P{Cc}\t]/gu, "");
}
