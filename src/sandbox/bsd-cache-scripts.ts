/**
 * Shell scripts that offer caches in guests that have no bind mounts: the cache takes its target's place. Pure text.
 */
import { quoteWord } from "../machine/posix-quote.ts";
import type { GuestOs } from "../profile/profile.ts";
import type { GuestCache } from "./posix-cache-scripts.ts";
import { unpackTar } from "./posix-tar.ts";

const root = "/.vmbuild";

function names({ index, target }: GuestCache): string[] {
  return [
    `target=${quoteWord(target)}`,
    // Beside the target, so that it is on the same file system.
    `hidden=$target.vmbuild-${index}`,
    `made=${root}/made-${index}`,
  ];
}

/**
 * Renames what is at the target, if there is something, and fills a directory in its place from the tar stream on
 * standard input, or makes it an empty one of `owner`'s. Directories that had to be made for it are noted, so that
 * {@link detachInPlaceScript} can take just those away.
 */
export function attachInPlaceScript(
  os: GuestOs,
  cache: GuestCache,
  owner: string | undefined,
): string {
  return [
    "set -e",
    "umask 022",
    ...names(cache),
    `mkdir -p ${root}`,
    `chmod 700 ${root}`,
    'if [ -e "$target" ] && [ ! -d "$target" ]; then echo "$target is not a directory" >&2; exit 1; fi',
    ': >"$made"',
    "path=$target",
    'while [ -n "$path" ] && [ ! -d "$path" ]; do',
    '  printf "%s\\n" "$path" >>"$made"',
    "  path=${path%/*}",
    "done",
    'if [ -d "$target" ]; then',
    // It could not be renamed, and mv would copy it instead.
    '  case $(df -P "$target" | tail -n 1) in',
    '    *" $target") echo "a file system is mounted at $target" >&2; exit 1 ;;',
    "  esac",
    '  mv -- "$target" "$hidden"',
    "fi",
    'mkdir -p -- "$target"',
    owner === undefined
      ? `${unpackTar(os, true)} -C "$target"`
      : `chown ${owner} "$target" && chmod 755 "$target"`,
  ].join("\n");
}

/** Writes the cache's content to standard output as a tar stream. */
export function saveInPlaceScript({ target }: GuestCache): string {
  return `tar -cf - -C ${quoteWord(target)} .`;
}

/** Leaves the target as it was before the cache came. */
export function detachInPlaceScript(cache: GuestCache): string {
  return [
    ...names(cache),
    'rm -rf -- "$target" || exit 1',
    'if [ -e "$hidden" ] || [ -L "$hidden" ]; then mv -- "$hidden" "$target" || exit 1; fi',
    "while IFS= read -r path; do",
    '  [ -d "$path" ] || continue',
    '  rmdir -- "$path" 2>/dev/null || break',
    'done <"$made"',
    'rm -f "$made"',
    `rmdir ${root} 2>/dev/null`,
    "sync",
    "exit 0",
  ].join("\n");
}
