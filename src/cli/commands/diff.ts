import { createBuildEnvironment } from "../../create-environment.ts";
import type { FileChange } from "../../files/compare.ts";
import { diffDisks } from "../../files/diff-disks.ts";
import type { FileEntry } from "../../files/listing.ts";
import { printable } from "../../spec/unprintable.ts";
import { openBootDisk } from "../boot-disk.ts";
import { exitCode } from "../exit-code.ts";
import { openSettingsAndStore } from "../open-store.ts";
import { userError } from "../or-throw.ts";
import { writeOut } from "../output.ts";
import { modeText } from "../render/mode-text.ts";
import type { Settings } from "../settings.ts";
import { listenForTermination } from "../terminate.ts";
import { UserError } from "../user-error.ts";

interface DiffFlags extends Pick<Settings, "store"> {
  readonly json?: boolean;
  readonly exitCode?: boolean;
}

/** `vmbuild diff`: what is different between the files of two images, file by file. */
export async function diff(before: string, after: string, flags: DiffFlags): Promise<void> {
  const { settings, store } = await openSettingsAndStore(flags);
  using termination = listenForTermination(() => {});
  const { signal } = termination;
  try {
    const env = createBuildEnvironment({
      ...settings,
      store,
      contextDir: process.cwd(),
      note() {},
    });
    const open = (image: string) => openBootDisk({ image, env, persist: false, signal });
    await using first = await open(before);
    await using second = await open(after);
    const diskOf = ({ diskPath, diskFormat }: typeof first) =>
      ({ env, diskPath, diskFormat, signal }) as const;
    const found = await diffDisks(diskOf(first), diskOf(second));
    if (!found.ok) {
      const { error } = found;
      if (!("path" in error)) throw userError(error);
      // The user knows the images, and not the overlays on them.
      const names = new Map([
        [first.diskPath, before],
        [second.diskPath, after],
      ]);
      throw userError({ ...error, path: names.get(error.path) ?? error.path });
    }
    await writeOut(
      flags.json === true ? `${JSON.stringify(found.value, undefined, 2)}\n` : text(found.value),
    );
    if (flags.exitCode === true && found.value.length > 0)
      process.exitCode = exitCode.commandFailed;
  } catch (error) {
    const code = termination.exitCode();
    throw code === undefined ? error : new UserError("cancelled", { exitCode: code });
  }
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
