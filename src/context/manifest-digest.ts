import { createHash } from "node:crypto";
import type { ManifestEntry } from "../plan/manifest.ts";

/** Raised when the same tree gets another digest; every `copy` is then done anew. */
const HEADER = "vmbuild manifest 1\n";

/**
 * SHA-256 over entries in manifest order. Each is one line of JSON, so no name can look like
 * structure, and a file's size is in its content's digest.
 */
export function manifestDigest(entries: readonly ManifestEntry[]): string {
  const hash = createHash("sha256").update(HEADER);
  for (const entry of entries) hash.update(`${JSON.stringify(line(entry))}\n`);
  return hash.digest("hex");
}

/** Entries by the bytes of their paths in UTF-8, which puts every parent before its children. */
export function inManifestOrder<T extends { readonly path: string }>(entries: readonly T[]): T[] {
  return entries
    .map((entry) => ({ entry, bytes: Buffer.from(entry.path) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ entry }) => entry);
}

function line(entry: ManifestEntry): readonly (string | boolean)[] {
  switch (entry.kind) {
    case "file":
      return ["file", entry.path, entry.executable, entry.digest];
    case "symlink":
      return ["symlink", entry.path, entry.target];
    case "directory":
      return ["directory", entry.path];
  }
}
