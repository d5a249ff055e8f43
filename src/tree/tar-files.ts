import { open } from "node:fs/promises";
import { ok, type Result } from "../result.ts";
import type { TreeFailure } from "./failure.ts";
import { guestTree } from "./guest-tree.ts";
import { readTarMembers } from "./tar-members.ts";
import { fileContent } from "./tree-tar.ts";

/**
 * The contents of the regular files of a tar archive on the host by their paths, which are as in `TarMember`; for few and
 * small files.
 */
export async function readTarFiles(
  archivePath: string,
): Promise<Result<ReadonlyMap<string, Buffer>, TreeFailure>> {
  await using file = await open(archivePath);
  const members = await readTarMembers(file);
  if (!members.ok) return members;
  const tree = guestTree(members.value);
  if (!tree.ok) return tree;
  const contents = new Map<string, Buffer>();
  for (const entry of tree.value.values()) {
    if (entry.kind !== "file") continue;
    const chunks: Buffer[] = [];
    for await (const chunk of fileContent(file.fd, entry)) chunks.push(chunk);
    contents.set(entry.path, Buffer.concat(chunks));
  }
  return ok(contents);
}
