import { open } from "node:fs/promises";

const tailBytes = 16 * 1024;
const tailLines = 30;
const lineLength = 400;

/** Terminal sequences: operating system commands, control sequences, others (ECMA-48, section 5). */
const escape = "\u001b";
const sequences = new RegExp(
  [
    `${escape}\\][^${escape}\u0007\n]*(?:\u0007|${escape}\\\\)?`,
    `${escape}\\[[0-?]*[ -/]*[@-~]?`,
    `${escape}[ -/]*[0-~]?`,
  ].join("|"),
  "g",
);

/** Control characters but for the tab, and the marks that reorder text on a terminal. */
const unprintable = /(?!\t)[\p{Cc}\p{Bidi_Control}]/gu;

/**
 * The last lines of what a guest or a program wrote, safe to print: no terminal sequences, no
 * control characters, no empty lines, each line cut to 400 characters.
 */
export function printableTail(text: string, maxLines: number = tailLines): string {
  return text
    .replaceAll(sequences, "")
    .split(/\r\n|\r|\n/)
    .map((line) => line.replaceAll(unprintable, "").trimEnd().slice(0, lineLength))
    .filter((line) => line !== "")
    .slice(-maxLines)
    .join("\n");
}

/** `printableTail` of a serial log's last 16 KiB; empty when there is no log. Never fails. */
export async function readSerialTail(serialLogPath: string): Promise<string> {
  try {
    await using file = await open(serialLogPath);
    const { size } = await file.stat();
    const buffer = Buffer.alloc(Math.min(size, tailBytes));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, size - buffer.length);
    return printableTail(buffer.subarray(0, bytesRead).toString());
  } catch {
    return "";
  }
}
