import { namesDirectory, resolveGuestPath, withForwardSlashes } from "./guest-path.ts";

/**
 * Where each source of a `copy` goes: absolute paths in the guest, `/`-separated, in the order of
 * `sources` (which are {@link sourcePath}s).
 *
 * `dst` is relative to `workdir`. With a trailing `/` (on Windows also `\`; or as `""`, the workdir) it is a directory and every source goes below it
 * under its own base name, except a source that is the whole context (`""`), whose contents go right
 * into it. Without one there is exactly one source, and it becomes `dst` itself.
 *
 * Two sources may get one destination: they are laid on top of each other in the order of the spec,
 * directories merging and anything else being replaced by what comes later.
 */
export function copyDestinations(
  workdir: string,
  dst: string,
  sources: readonly string[],
): readonly string[] {
  const target = withForwardSlashes(resolveGuestPath(workdir, dst));
  if (dst === "" || namesDirectory(workdir, dst))
    return sources.map((source) => below(target, source));
  if (sources.length !== 1) {
    throw new Error(`Internal error: ${sources.length} sources for the one destination "${dst}"`);
  }
  return [target];
}

function below(directory: string, source: string): string {
  if (source === "") return directory;
  const name = source.slice(source.lastIndexOf("/") + 1);
  return directory.endsWith("/") ? directory + name : `${directory}/${name}`;
}
