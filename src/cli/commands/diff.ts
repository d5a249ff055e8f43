import { diffContents } from "../../files/diff-contents.ts";
import { diffDisks } from "../../files/diff-disks.ts";
import { ok } from "../../result.ts";
import { exitCode } from "../exit-code.ts";
import { writeOut } from "../output.ts";
import { type ImageFlags, readImages } from "../read-image.ts";
import { changesJson, changesText } from "../render/changes-text.ts";

interface DiffFlags extends ImageFlags {
  readonly content?: boolean;
  readonly json?: boolean;
  readonly exitCode?: boolean;
}

/** `vmbuild diff`: what is different between the files of two images, file by file. */
export async function diff(before: string, after: string, flags: DiffFlags): Promise<void> {
  const { changes, diffs } = await readImages(flags, async (reader) => {
    const disks = [await reader.open(before), await reader.open(after)] as const;
    const found = reader.orThrow(await diffDisks(...disks));
    const contents = flags.content === true ? await diffContents(...disks, found) : ok(undefined);
    return { changes: found, diffs: reader.orThrow(contents) };
  });
  await writeOut(flags.json === true ? changesJson(changes, diffs) : changesText(changes, diffs));
  if (flags.exitCode === true && changes.length > 0) process.exitCode = exitCode.commandFailed;
}
