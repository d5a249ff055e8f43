import { manifestTar } from "../context/tar-stream.ts";
import type { BuildContext } from "./environment.ts";

/** The build context in a directory of the host, given by its absolute path. */
export function contextOf(contextDir: string): BuildContext {
  return {
    openTar: (items, { uid, gid, directories, signal }) =>
      manifestTar(items, {
        contextDir,
        owner: { uid, gid },
        directories: (path) => directories.has(path),
        signal,
      }),
  };
}
