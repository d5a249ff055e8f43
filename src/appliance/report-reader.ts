/** Reading what the appliance tells of an edit while it comes: the output of commands is passed on, and bounded. */
import { StringDecoder } from "node:string_decoder";
import { printable } from "../spec/unprintable.ts";
import { type EditReport, parseReport } from "./edit-report.ts";

/** Gets what commands of the image's print, while they run. */
export interface CommandWatcher {
  /** A command begins; the text is what a person calls it. */
  readonly onCommand?: (command: string) => void | Promise<void>;
  /** A line that the command has printed. It can be shown. */
  readonly onLine?: (line: string) => void | Promise<void>;
}

/** An image with tens of thousands of logs fits in. */
const recordsBytes = 4 * 2 ** 20;
/** What there is room for in any case: the beginning of a command's output. */
const headBytes = 4096;
/** Lines of a command that are kept, to say why it failed. */
const keptLines = 20;
const lineLength = 4096;

/**
 * Records end in a NUL and have their fields between tabs. One of the kind `output` names a command in its first field
 * and has in its second what that prints, as it prints it. What is more than fits is dropped, as is a last record that
 * is cut off.
 */
export class ReportReader {
  readonly #watcher: CommandWatcher;
  readonly #records: string[] = [];
  #room = recordsBytes;
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
      this.#room -= this.#record.length + 1;
      // What has no room left is cut off.
      if (this.#room > 0) this.#records.push(utf8(this.#record));
      this.#record = "";
      return;
    }
    output.text += output.decoder.end();
    await this.#showLines();
    if (output.text !== "") await this.#show(output.text);
    this.#output = undefined;
  }

  async #showLines(): Promise<void> {
    const output = this.#output;
    if (output === undefined) return;
    const lines = output.text.split("\n");
    output.text = lines.pop() ?? "";
    for (const line of lines) await this.#show(line);
    // A program may never end its line.
    if (output.text.length > lineLength) {
      const { text } = output;
      output.text = "";
      await this.#show(text);
    }
  }

  async #show(text: string): Promise<void> {
    const line = text.replace(/\r+$/, "");
    // Of a line that a program has written over and over, a terminal shows the last.
    const shown = printable(line.slice(line.lastIndexOf("\r") + 1));
    this.#lastLines.push(shown);
    if (this.#lastLines.length > keptLines) this.#lastLines.shift();
    await this.#watcher.onLine?.(shown);
  }
}

/** Bytes that came in pieces, which may have cut a character. */
function utf8(latin1: string): string {
  return Buffer.from(latin1, "latin1").toString("utf8");
}
