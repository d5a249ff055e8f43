import type { ManifestEntry, ManifestFile, ManifestSymlink } from "../plan/manifest.ts";
import type { CopyItem } from "../plan/step.ts";
import { inManifestOrder } from "./manifest-digest.ts";

/** One thing a `copy` puts into the guest. `path` is absolute in the guest. */
export type TarEntry =
  | { readonly kind: "directory"; readonly path: string }
  | { readonly kind: "symlink"; readonly path: string; readonly link: ManifestSymlink }
  | {
      readonly kind: "file";
      readonly path: string;
      readonly file: ManifestFile;
      /** Where its content is, relative to the context. */
      readonly source: string;
    };

/**
 * Everything that `items` put into the guest, ancestors of destinations included (but not `/`), each
 * path once, parents before children.
 *
 * Items are laid on top of each other in order: directories merge, anything else is replaced by what
 * comes later. Only an ancestor that is a symlink by then stays one, and is written through.
 */
export function tarEntries(items: readonly CopyItem[]): readonly TarEntry[] {
  const tree = new Map<string, TarEntry>();
  for (const { manifest, destination } of items) {
    for (const path of ancestorsOf(destination)) {
      if (tree.get(path)?.kind !== "symlink") lay(tree, { kind: "directory", path });
    }
    for (const entry of manifest.entries) {
      lay(tree, placed(entry, manifest.source, join(destination, entry.path)));
    }
  }
  return inManifestOrder([...tree.values()].filter((entry) => !isRootDirectory(entry)));
}

/**
 * Every directory that may have to be made before `items` are unpacked, as absolute paths in the guest,
 * parents first.
 */
export function directoriesOf(items: readonly CopyItem[]): readonly string[] {
  return tarEntries(items).flatMap(({ kind, path }) => (kind === "directory" ? [path] : []));
}

function placed(entry: ManifestEntry, source: string, path: string): TarEntry {
  switch (entry.kind) {
    case "directory":
      return { kind: "directory", path };
    case "symlink":
      return { kind: "symlink", path, link: entry };
    case "file":
      return { kind: "file", path, file: entry, source: join(source, entry.path) };
  }
}

function lay(tree: Map<string, TarEntry>, entry: TarEntry): void {
  if (entry.kind !== "directory" && tree.get(entry.path)?.kind === "directory") {
    for (const path of tree.keys()) if (path.startsWith(`${entry.path}/`)) tree.delete(path);
  }
  tree.set(entry.path, entry);
}

/** Always there. A file that is to become the root is left in, for the guest's tar to refuse. */
function isRootDirectory({ kind, path }: TarEntry): boolean {
  return kind === "directory" && path.endsWith("/");
}

/** `below` may be `""`, and `path` may be `""` (the context) or a root. */
function join(path: string, below: string): string {
  if (below === "") return path;
  return path === "" || path.endsWith("/") ? path + below : `${path}/${below}`;
}

/** Without the root, be it `/` or `C:/`; outermost first. */
function ancestorsOf(path: string): string[] {
  const ancestors: string[] = [];
  const root = path.indexOf("/");
  for (let end = path.indexOf("/", root + 1); end !== -1; end = path.indexOf("/", end + 1)) {
    ancestors.push(path.slice(0, end));
  }
  return ancestors;
}
