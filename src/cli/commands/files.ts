import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { basename, join, posix, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { EditFailure } from "../../appliance/failure.ts";
import { type FileEntry, plainEntry } from "../../files/listing.ts";
import {
  type FileArchive,
  type FilesRequest,
  listFiles,
  withFiles,
} from "../../files/read-files.ts";
import { describeDisk } from "../../inspect/inspect-disk.ts";
import { exportTarget } from "../../image/export-target.ts";
import type { Result } from "../../result.ts";
import { printable } from "../../spec/unprintable.ts";
import { errorCode, errorText } from "../../store/fs-failure.ts";
import { subtree } from "../../tree/guest-tree.ts";
import { fileContent, tarContent } from "../../tree/tree-tar.ts";
import { inTheWay, unpack } from "../../tree/unpack.ts";
import { exitCode } from "../exit-code.ts";
import { orThrow, userError } from "../or-throw.ts";
import { columns, writeOut } from "../output.ts";
import { type ImageFlags, readImages } from "../read-image.ts";
import { replaceFileBy } from "../replace-file.ts";
import { modeText } from "../render/mode-text.ts";
import { volumesTable } from "../render/inspection-text.ts";
import { refuseInputs } from "../refuse-inputs.ts";
import { UserError } from "../user-error.ts";

/** `vmbuild files ls`: what is at a path of an image. */
export async function filesLs(
  image: string,
  path: string | undefined,
  flags: ImageFlags & {
    readonly long?: boolean;
    readonly recursive?: boolean;
    readonly json?: boolean;
  },
): Promise<void> {
  const recursive = flags.recursive === true;
  const listed = await onDisk(image, path ?? "/", flags, (request) =>
    listFiles({ ...request, recursive }),
  );
  const entries = listed.value;
  if (flags.json === true) {
    return writeOut(`${JSON.stringify(entries.map(plainEntry), undefined, 2)}\n`);
  }
  const [start] = entries;
  // Of a directory, what is in it is asked for, as of ls(1).
  const shown = start?.type === "directory" ? entries.slice(1) : entries;
  const nameOf = (entry: FileEntry): string =>
    printable(recursive ? entry.path : posix.basename(entry.path));
  if (flags.long !== true) return writeOut(shown.map((entry) => `${nameOf(entry)}\n`).join(""));
  await writeOut(
    columns(
      shown.map((entry) => [
        modeText(entry),
        String(entry.uid),
        String(entry.gid),
        String(entry.sizeBytes),
        new Date(entry.modifiedAt * 1000).toISOString().slice(0, 19).replace("T", " "),
        entry.target === undefined
          ? nameOf(entry)
          : `${nameOf(entry)} -> ${printable(entry.target)}`,
      ]),
    ),
  );
}

/** `vmbuild files df`: the file systems of an image, and how full they are. */
export async function filesDf(
  image: string,
  flags: ImageFlags & { readonly json?: boolean },
): Promise<void> {
  const volumes = await readImages(flags, async (reader) =>
    reader.orThrow(await describeDisk(await reader.open(image))),
  );
  await writeOut(
    flags.json === true ? `${JSON.stringify(volumes, undefined, 2)}\n` : volumesTable(volumes),
  );
}

/** `vmbuild files cat`: a file's content, to standard output. */
export async function filesCat(image: string, path: string, flags: ImageFlags): Promise<void> {
  await onArchive(image, path, flags, async ({ file, tree, name }) => {
    const entry = tree.get(name);
    if (entry?.kind !== "file") throw notThis(path, "it is not a regular file", "files ls");
    await toStandardOutput(fileContent(file.fd, entry));
  });
}

/** `vmbuild files get`: a file or directory, into a directory of the host's. */
export async function filesGet(
  image: string,
  path: string,
  dir: string | undefined,
  flags: ImageFlags,
): Promise<void> {
  const to = resolve(dir ?? ".");
  const name = basename(posix.normalize(path));
  if (name === "" || name === "..") {
    throw notThis(path, "this is the whole image", "vmbuild files tar");
  }
  const target = join(to, name);
  const obstacle = await inTheWay(target).catch((error: Error) => errorText(error));
  if (obstacle !== undefined) {
    throw new UserError(`${target} cannot be written: ${obstacle}`, {
      exitCode: exitCode.usage,
      hint: "remove it, or name another directory",
    });
  }
  await onArchive(image, path, flags, async ({ file, tree, name: source }, signal) => {
    const entries = subtree(tree, `/${source}`);
    if (!entries.ok) throw userError({ reason: "guest-files", cause: entries.error });
    try {
      await mkdir(to, { recursive: true });
      await unpack(file.fd, entries.value, target, signal);
    } catch (error) {
      if (errorCode(error) === undefined) throw error;
      throw new UserError(`${target} cannot be written: ${errorText(error)}`, {
        exitCode: exitCode.host,
      });
    }
  });
  process.stderr.write(`wrote ${target}\n`);
}

/** `vmbuild files tar`: a path with all below it as a tar archive, with owners and modes. */
export async function filesTar(
  image: string,
  path: string | undefined,
  flags: ImageFlags & { readonly output?: string },
): Promise<void> {
  const { output } = flags;
  if (output === undefined && process.stdout.isTTY) {
    throw new UserError("an archive is nothing for a terminal", {
      exitCode: exitCode.usage,
      hint: "-o FILE writes it to a file",
    });
  }
  if (output !== undefined) await refuseInputs(output, [image]);
  const target = output === undefined ? undefined : orThrow(await exportTarget(resolve(output)));
  await onArchive(image, path ?? "/", flags, async ({ file, tree }) => {
    const content = tarContent(file.fd, [...tree.values()]);
    if (target === undefined) return await toStandardOutput(content);
    await replaceFileBy({ ...target, name: output ?? "" }, (stagedPath) =>
      pipeline(
        Readable.from(content, { objectMode: false }),
        createWriteStream(stagedPath, { flags: "wx" }),
      ),
    );
  });
}

async function onArchive(
  image: string,
  path: string,
  flags: ImageFlags,
  use: (archive: FileArchive, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const read = await onDisk(image, path, flags, (request) =>
    withFiles(request, (archive) => use(archive, request.signal)),
  );
  const { value } = read;
  if (!value.ok) throw userError({ reason: "guest-files", cause: value.error });
}

/** Gives `use` the image's disk and the path, which is checked. @throws UserError */
function onDisk<T>(
  image: string,
  path: string,
  flags: ImageFlags,
  use: (request: FilesRequest) => Promise<Result<T, EditFailure>>,
): Promise<T> {
  if (!path.startsWith("/")) throw notThis(path, "paths in an image are absolute", `/${path}`);
  return readImages(flags, async (reader) =>
    reader.orThrow(await use({ ...(await reader.open(image)), path })),
  );
}

function notThis(path: string, why: string, instead: string): UserError {
  return new UserError(`${path}: ${why}`, { exitCode: exitCode.usage, hint: `try ${instead}` });
}

async function toStandardOutput(content: AsyncIterable<Buffer>): Promise<void> {
  for await (const chunk of content) {
    await new Promise<void>((taken) => {
      process.stdout.write(chunk, () => taken());
    });
  }
}
