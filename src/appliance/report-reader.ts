/** Reading what the appliance tells of an edit while it comes: the output of commands is passed on, and bounded. */
import { StringDecoder } from "node:string_decoder";
import { printable } from "../spec/unprintable.ts";
import { type EditReport, parseReport } from "./edit-report.ts";

/** Gets what commands of the image's print, while they run. */
export interface CommandWatcher {
  /** A command begins; the text is what a person calls it. */
  readonly onCommand?: (command: string) => void | Promise<void>;
  /** Lines that the command has printed. They can be shown. */
  readonly onLines?: (lines: readonly string[]) => void | Promise<void>;
}

/** An image with tens of thousands of logs fits in. */
const recordsBytes = 4 * 2 ** 20;
/** What there is room for in any case: the beginning of a command's output. */
const headBytes = 4096;
/** Lines of a command that are kept, to say why it failed, and how much of each. */
const keptLines = 20;
const keptLength = 400;
/** A line that goes on after this many characters is shown as several. */
const lineLength = 4096;
/** Records of these kinds that are kept though there is no room for more: they say how it ended. */
const verdicts = /^(?:failed|exit|impossible|wanting)(?:\t|$)/;
const keptVerdicts = 20;

/**
 * Records end in a NUL and have their fields between tabs. One of the kind `output` names a command in its first field
 * and has in its second what that prints, as it prints it. What is more than fits is dropped, as is a last record that
 * is cut off.
 */
export class ReportReader {
  readonly #watcher: CommandWatcher;
  readonly #records: string[] = [];
  #room = recordsBytes;
  #verdicts = keptVerdicts;
  #record = "";
  #output: { readonly decoder: StringDecoder; text: string } | undefined;
  #lastLines: string[] = [];

  constructor(watcher: CommandWatcher) {
    this.#watcher = watcher;
  }

  /** Takes what comes next; resolves when the watcher has taken its lines. */
  async take(chunk: Buffer): Promise<void> {
    let rest = chunk;
    for (;;) {
      const end = rest.indexOf(0);
      if (end < 0) break;
      await this.#grow(rest.subarray(0, end));
      await this.#endRecord();
      rest = rest.subarray(end + 1);
    }
    await this.#grow(rest);
  }

  /** What was told so far. */
  report(): EditReport {
    return parseReport(this.#records);
  }

  /** The end of what the last command has printed. */
  lastLines(): readonly string[] {
    return this.#lastLines;
  }

  async #grow(bytes: Buffer): Promise<void> {
    if (this.#output !== undefined) {
      this.#output.text += this.#output.decoder.write(bytes);
      return this.#showLines();
    }
    const room = Math.max(this.#room, headBytes) - this.#record.length;
    this.#record += bytes.subarray(0, Math.max(room, 0)).toString("latin1");
    if (!this.#record.startsWith("output\t")) return;
    const command = /^output\t([^\t]*)\t/.exec(this.#record);
    if (command === null) return;
    const head = command[0];
    const text = Buffer.from(this.#record.slice(head.length), "latin1");
    this.#record = "";
    this.#lastLines = [];
    this.#output = { decoder: new StringDecoder("utf8"), text: "" };
    await this.#watcher.onCommand?.(printable(utf8(command[1] ?? "")));
    await this.#grow(text);
  }

  async #endRecord(): Promise<void> {
    const output = this.#output;
    if (output === undefined) {
      const record = this.#record;
      this.#record = "";
      this.#room -= record.length + 1;
      // What has no room left is cut off.
      if (this.#room > 0 || (verdicts.test(record) && this.#verdicts-- > 0)) {
        this.#records.push(utf8(record));
      }
      return;
    }
    output.text += output.decoder.end();
    await this.#showLines();
    if (output.text !== "") await this.#show([output.text]);
    this.#output = undefined;
  }

  async #showLines(): Promise<void> {
    const output = this.#output;
    if (output === undefined) return;
    const lines = output.text.split("\n");
    const rest = lines.pop() ?? "";
    // A program may never end its line.
    if (rest.length > lineLength) lines.push(rest);
    output.text = rest.length > lineLength ? "" : rest;
    if (lines.length > 0) await this.#show(lines);
  }

  async #show(texts: readonly string[]): Promise<void> {
    const { onLines } = this.#watcher;
    // Of what nobody sees only the end is kept.
    const seen = onLines === undefined ? texts.slice(-keptLines) : texts;
    const lines = seen.map((text) => {
      const line = text.replace(/\r+$/, "");
      // Of a line that a program has written over and over, a terminal shows the last.
      return printable(line.slice(line.lastIndexOf("\r") + 1));
    });
    const last = lines.slice(-keptLines).map((line) => clipped(line));
    this.#lastLines = [...this.#lastLines, ...last].slice(-keptLines);
    await onLines?.(lines);
  }
}

function clipped(line: string): string {
  return line.length <= keptLength ? line : `${line.slice(0, keptLength)}…`;
}

/** Bytes that came in pieces, which may have cut a character. */
function utf8(latin1: string): string {
  return Buffer.from(latin1, "latin1").toString("utf8");
}
