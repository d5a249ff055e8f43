import { randomBytes } from "node:crypto";
import { realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { formatSpec } from "../../spec/format.ts";
import { exitCode } from "../exit-code.ts";
import { writeOut } from "../output.ts";
import { readSource, wrongSpec } from "../read-spec.ts";
import { replaceFile } from "../replace-file.ts";
import { UserError } from "../user-error.ts";

interface FmtFlags {
  readonly check?: boolean;
  readonly write?: boolean;
}

/** `vmbuild fmt` */
export async function fmt(files: readonly string[], flags: FmtFlags): Promise<void> {
  if (flags.write === true && files.includes("-")) {
    throw new UserError("standard input cannot be written to", { exitCode: exitCode.usage });
  }
  const unformatted: string[] = [];
  for (const file of files) {
    const source = await readSource(file);
    const formatted = formatSpec(source);
    if (!formatted.ok) throw wrongSpec(source.name, formatted.error);
    if (flags.check !== true && flags.write !== true) {
      await writeOut(formatted.value);
    } else if (formatted.value !== source.text) {
      unformatted.push(source.name);
      if (flags.write === true) await replace(file, formatted.value);
    }
  }
  if (flags.write === true) {
    for (const name of unformatted) process.stderr.write(`formatted ${name}\n`);
  } else if (unformatted.length > 0) {
    throw new UserError(`not formatted: ${unformatted.join(", ")}`, {
      exitCode: exitCode.badInput,
      hint: `vmbuild fmt --write ${unformatted.join(" ")}`,
    });
  }
}

async function replace(file: string, text: string): Promise<void> {
  const path = await realpath(file);
  // Short, so that it fits wherever the spec's own name does.
  const stagedPath = join(dirname(path), `.vmbuild-${randomBytes(4).toString("hex")}`);
  await replaceFile({ path, stagedPath, name: file, mode: (await stat(path)).mode }, text);
}
