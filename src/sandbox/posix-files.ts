/**
 * Shell scripts that move files in and out of a POSIX guest. Pure text.
 */
import { quoteWord } from "../machine/posix-quote.ts";

/**
 * Prints one `0` or `1` per path, without separators: whether it is a directory already.
 * `[` is a shell builtin, so thousands of paths cost no process.
 */
export function directoryTests(paths: readonly string[]): string {
  const tests = paths.map(
    (path) => `if [ -d ${quoteWord(path)} ]; then printf 1; else printf 0; fi`,
  );
  return `${tests.join("\n")}\n`;
}

/**
 * Unpacks standard input below `/`: modes and numeric owners as the stream has them when run by root.
 */
export function unpackScript(asRoot: boolean): string {
  return `tar -x${asRoot ? "p" : ""}f - ${asRoot ? "--numeric-owner " : ""}-C / && sync`;
}

/** One cache in the guest: where its content lives while it is mounted over its target. */
export interface GuestCache {
  readonly index: number;
  readonly target: string;
}

const root = "/.vmbuild";

function contentDir(cache: GuestCache): string {
  return `${root}/cache-${cache.index}`;
}

function madeList(cache: GuestCache): string {
  return `${root}/made-${cache.index}`;
}

/**
 * Fills a cache's directory from the tar stream on standard input (or makes it empty, owned by
 * `owner`) and mounts it over the target. Directories that had to be made for the target are noted,
 * so that `detachScript` can take just those away.
 */
export function attachScript(cache: GuestCache, owner: string | undefined): string {
  const content = contentDir(cache);
  const fill =
    owner === undefined
      ? `tar -xpf - --numeric-owner -C ${content}`
      : `chown ${owner} ${content} && chmod 755 ${content}`;
  return [
    "set -e",
    "umask 022",
    `target=${quoteWord(cache.target)}`,
    `mkdir -p ${content}`,
    `chmod 700 ${root}`,
    fill,
    `: >${madeList(cache)}`,
    `if [ -e "$target" ] && [ ! -d "$target" ]; then echo "$target is not a directory" >&2; exit 1; fi`,
    `path=$target`,
    `while [ -n "$path" ] && [ ! -d "$path" ]; do`,
    `  printf '%s\\n' "$path" >>${madeList(cache)}`,
    `  path=\${path%/*}`,
    `done`,
    `mkdir -p -- "$target"`,
    `mount -o bind ${content} "$target" 2>/dev/null || mount --bind ${content} "$target"`,
  ].join("\n");
}

/** Writes the cache's content to standard output as a tar stream. */
export function saveScript(cache: GuestCache): string {
  return `tar -cf - -C ${contentDir(cache)} .`;
}

/**
 * Takes the mount, the content and the directories made for it away again. A process that still
 * holds the mount does not keep it: it is detached lazily.
 */
export function detachScript(cache: GuestCache): string {
  return [
    `target=${quoteWord(cache.target)}`,
    `umount "$target" 2>/dev/null || umount -l "$target" || exit 1`,
    `rm -rf ${contentDir(cache)} || exit 1`,
    `while IFS= read -r path; do rmdir -- "$path" 2>/dev/null || break; done <${madeList(cache)}`,
    `rm -f ${madeList(cache)}`,
    `rmdir ${root} 2>/dev/null`,
    "sync",
    `fstrim / 2>/dev/null`,
    "exit 0",
  ].join("\n");
}
