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
    const breaks = new LineBreaks(text);
    let start = 0;
    for (;;) {
      const end = breaks.after(start);
      if (end === undefined) break;
      for (let at = start; at === start || at < end.at; at += this.#maxLength) {
        lines.push(text.slice(at, Math.min(at + this.#maxLength, end.at)));
      }
      start = end.next;
    }
    for (; text.length - start > this.#maxLength; start += this.#maxLength) {
      lines.push(text.slice(start, start + this.#maxLength));
    }
    this.#rest = text.slice(start);
    return hasControls.test(text) ? lines.map(withoutControls) : lines;
  }
}

/** Finds the ends of lines from left to right, by the engine's own search. */
class LineBreaks {
  readonly #text: string;
  #lf = -1;
  #cr = -1;

  constructor(text: string) {
    this.#text = text;
  }

  /** A CR at the very end may be half of a CRLF, so it waits for what comes. */
  after(from: number): { at: number; next: number } | undefined {
    if (this.#lf < from) this.#lf = this.#find("\n", from);
    if (this.#cr < from) this.#cr = this.#find("\r", from);
    if (this.#lf < this.#cr) return { at: this.#lf, next: this.#lf + 1 };
    if (this.#cr + 1 >= this.#text.length) return undefined;
    return { at: this.#cr, next: this.#text[this.#cr + 1] === "\n" ? this.#cr + 2 : this.#cr + 1 };
  }

  #find(character: string, from: number): number {
    const at = this.#text.indexOf(character, from);
    return at === -1 ? Number.POSITIVE_INFINITY : at;
  }
}

/** Control characters other than the tab and the ends of lines. */
const hasControls = /[^\P{Cc}\t\n\r]/u;

/** Escape sequences as a whole, then every other control character but the tab. */
function withoutControls(line: string): string {
  return stripVTControlCharacters(line).replaceAll(/[^\P{Cc}\t]/gu, "");
}
