/** Files from servers that the store keeps. Losing one costs only the time to get it again. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { StoreLayout } from "./layout.ts";
import { parseOwner } from "./owner.ts";
import { mayLive } from "./stage-record.ts";
import { type StoredFile, storedFile, writtenAtMs } from "./stored-file.ts";
import type { Inventory } from "./upkeep.ts";

/** What the name of an entry in `state/downloads` says, see `layout.ts`. */
export interface DownloadEntry {
  readonly key: string;
  /** Only the beginning of the file. */
  readonly isPart: boolean;
  /** Who is, or was, at work on that. */
  readonly owner?: string;
}

/** Reads the name of an entry; undefined when this program did not make it. */
export function parseDownloadEntry(entry: string): DownloadEntry | undefined {
  const [, key, part, owner] = /^([^.]+?)((?:\.([^.]+))?\.part)?$/.exec(entry) ?? [];
  if (key === undefined) return undefined;
  return { key, isPart: part !== undefined, ...(owner === undefined ? {} : { owner }) };
}

/** All downloads: those that nobody is getting just now, and the files of the others. */
export async function readDownloads(layout: StoreLayout): Promise<{
  readonly idle: Inventory["downloads"];
  readonly active: readonly StoredFile[];
}> {
  const idle: Inventory["downloads"][number][] = [];
  const active: StoredFile[] = [];
  for (const name of await readdir(layout.downloadDir)) {
    const path = join(layout.downloadDir, name);
    const files = storedFile(path);
    const owner = parseOwner(parseDownloadEntry(name)?.owner ?? "");
    if (owner !== undefined && (await mayLive(owner, path))) active.push(...files);
    else if (files.length > 0) idle.push({ name, usedAtMs: writtenAtMs(path) ?? 0, files });
  }
  return { idle, active };
}
