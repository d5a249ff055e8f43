/** Which of the digest-named images the base images' names lead to. */
import type { Dirent } from "node:fs";
import { readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import type { StoreLayout } from "./layout.ts";

/**
 * Every digest that a profile mentions anywhere, or a link beside it leads to. The profile is not parsed: one
 * with a mistake in it must not cost its image.
 */
export async function namedImages(layout: StoreLayout): Promise<ReadonlySet<string>> {
  const digests = new Set<string>();
  for (const path of await filesOfNames(layout, layout.baseImageDir)) {
    const text = path.isLink ? await readlink(path.path) : await readFile(path.path, "utf8");
    for (const [digest] of text.matchAll(/[0-9a-f]{64}/g)) digests.add(digest);
  }
  return digests;
}

async function filesOfNames(
  layout: StoreLayout,
  dir: string,
): Promise<readonly { readonly path: string; readonly isLink: boolean }[]> {
  const entries = await readdir(dir, { withFileTypes: true });
  const found = await Promise.all(
    entries.map(async (entry: Dirent) => {
      const path = join(dir, entry.name);
      if (entry.isDirectory()) return path === layout.digestDir ? [] : filesOfNames(layout, path);
      if (entry.isSymbolicLink()) return [{ path, isLink: true }];
      return entry.isFile() && entry.name.endsWith(".toml") ? [{ path, isLink: false }] : [];
    }),
  );
  return found.flat();
}
