import type { FileChange } from "../../files/compare.ts";
import { diffDisks } from "../../files/diff-disks.ts";
import type { FileEntry } from "../../files/listing.ts";
import { printable } from "../../spec/unprintable.ts";
import { exitCode } from "../exit-code.ts";
import { writeOut } from "../output.ts";
import { type ImageFlags, readImages } from "../read-image.ts";
import { modeText } from "../render/mode-text.ts";

interface DiffFlags extends ImageFlags {
  readonly json?: boolean;
  readonly exitCode?: boolean;
}

/** `vmbuild diff`: what is different between the files of two images, file by file. */
export async function diff(before: string, after: string, flags: DiffFlags): Promise<void> {
  const changes = await readImages(flags, async (reader) => {
    const first = await reader.open(before);
    return reader.orThrow(await diffDisks(first, await reader.open(after)));
  });
  await writeOut(
    flags.json === true ? `${JSON.stringify(changes, undefined, 2)}\n` : text(changes),
  );
  if (flags.exitCode === true && changes.length > 0) process.exitCode = exitCode.commandFailed;
}

function text(changes: readonly FileChange[]): string {
  return changes.map((change) => `${lineOf(change)}\n`).join("");
}

function lineOf(change: FileChange): string {
  const path = printable(change.path);
  switch (change.change) {
    case "added":
      return `A ${path}  ${about(change.after)}`;
    case "removed":
      return `D ${path}`;
    case "modified": {
      const { before, after } = change;
      const what = change.differences.map((difference) => {
        switch (difference) {
          case "mode":
            return `mode ${octal(before)} -> ${octal(after)}`;
          case "owner":
            return `owner ${before.uid}:${before.gid} -> ${after.uid}:${after.gid}`;
          case "size":
            return `size ${before.sizeBytes} -> ${after.sizeBytes}`;
          case "target":
            return `leads to ${printable(before.target ?? "")} -> ${printable(after.target ?? "")}`;
          case "type":
            return `${before.type} -> ${after.type}`;
          case "content":
            return "content";
        }
      });
      return `M ${path}  ${what.join(", ")}`;
    }
  }
}

function about(entry: FileEntry): string {
  const facts = `${modeText(entry)} ${entry.uid}:${entry.gid}`;
  if (entry.target !== undefined) return `${facts} -> ${printable(entry.target)}`;
  return entry.type === "file" ? `${facts} ${entry.sizeBytes}` : facts;
}

function octal({ mode }: FileEntry): string {
  return mode.toString(8).padStart(4, "0");
}
