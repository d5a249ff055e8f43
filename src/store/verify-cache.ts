import { join } from "node:path";
import { ok } from "../result.ts";
import { parseCacheDirName } from "./cache-name.ts";
import { withNewest } from "./cache-version.ts";
import { exists } from "./layer-file.ts";
import { diskName, type StoreLayout } from "./layout.ts";
import type { StoreFinding } from "./store-report.ts";
import { verifyDisk } from "./verify-disk.ts";
import { entriesOf, type Found, verifyMode } from "./verify-files.ts";

/** Whether the newest version of the cache in `cache/<dirName>` opens, and its disks are whole. */
export async function verifyCache(layout: StoreLayout, dirName: string): Promise<Found> {
  const dir = layout.cache(dirName);
  const parsed = parseCacheDirName(dirName);
  if (parsed === undefined) return ok([{ reason: "entry-unknown", path: dir }]);
  const findings: StoreFinding[] = [...(await verifyMode(dir, 0o700))];
  const isNamed = parsed === "kept-in-file";
  for (const entry of await entriesOf(dir)) {
    if (!/^\d{12}$/.test(entry) && !(isNamed && entry === "name"))
      findings.push({ reason: "entry-unknown", path: join(dir, entry) });
  }
  for (;;) {
    const newest = await newestOf(layout, dirName);
    const wrong = await verifyVersion(layout, dirName, newest);
    if (!wrong.ok) return wrong;
    // One that was published meanwhile has the other removed.
    if (wrong.value.length === 0 || (await newestOf(layout, dirName)).version === newest.version)
      return ok([...findings, ...wrong.value]);
  }
}

interface Newest {
  readonly version: number;
  readonly form: "tar" | "disk" | undefined;
  /** How many files a disk consists of. */
  readonly count: number;
}

function newestOf(layout: StoreLayout, dirName: string): Promise<Newest> {
  return withNewest(layout, dirName, async (version, content) => {
    if (content?.form === "tar") await content.handle.close();
    const count = content?.form === "disk" ? content.count : 0;
    return { version, form: content?.form, count };
  });
}

async function verifyVersion(
  layout: StoreLayout,
  dirName: string,
  { version, form, count }: Newest,
): Promise<Found> {
  const paths = layout.cacheVersion(dirName, version);
  if (form === undefined) {
    const isEmpty = version === 0 || (await exists(paths.deletedPath));
    const message = "its newest version holds no content";
    return ok(isEmpty ? [] : [{ reason: "cache-damaged", path: paths.dir, message }]);
  }
  const findings: StoreFinding[] = [...(await verifyMode(paths.dir, 0o700))];
  for (let index = 0; index < count; index++) {
    const below = index === 0 ? undefined : diskName(index - 1);
    const disk = await verifyDisk(paths.disk(index), below);
    if (!disk.ok) return disk;
    findings.push(...disk.value);
  }
  return ok(findings);
}
