/**
 * Shell scripts that put secrets into a Linux guest for as long as a command runs, and take them away. Pure text.
 *
 * The values lie on a ramfs, which unlike a tmpfs is never swapped out to a disk, and each is mounted over its target.
 */
import { quoteWord } from "../machine/posix-quote.ts";

/** One secret in the guest. */
export interface GuestSecret {
  readonly index: number;
  /** Absolute. */
  readonly target: string;
}

export interface SecretFile {
  /** `UID:GID` of the only account that may read it. */
  readonly owner: string;
  /** How many bytes come on standard input. */
  readonly bytes: number;
  /** Made by the command when it is missing, and so not to be taken away again. */
  readonly workdir: string;
  /** Nothing is added to the file system after this one. */
  readonly isLast: boolean;
}

const root = "/.vmbuild";
const dir = `${root}/secrets`;

/**
 * Offers what comes on standard input at the secret's target, read-only. Prints how many paths had to be made for
 * that: the target, and directories above it. Says on standard error what is wrong with the target.
 */
export function offerSecretScript(
  { index, target }: GuestSecret,
  { owner, bytes, workdir, isLast }: SecretFile,
): string {
  const file = `${dir}/${index}`;
  return [
    "set -e",
    `target=${quoteWord(target)}`,
    `workdir=${quoteWord(workdir)}`,
    'fail() { echo "$1" >&2; exit 1; }',
    '[ ! -L "$target" ] || fail "$target is a symbolic link"',
    '[ ! -d "$target" ] || fail "$target is a directory"',
    ...(index === 0 ? makeFileSystem : []),
    "umask 077",
    `cat >${file}`,
    `[ "$(wc -c <${file})" -eq ${bytes} ] || fail "a part of it was lost on the way"`,
    `chown ${owner} ${file}`,
    `chmod 400 ${file}`,
    "made=0",
    'if [ ! -e "$target" ]; then',
    "  made=1",
    "  path=${target%/*}",
    '  while [ -n "$path" ] && [ ! -d "$path" ]; do',
    '    case $workdir/ in "$path"/*) break ;; esac',
    "    made=$((made + 1))",
    "    path=${path%/*}",
    "  done",
    "  umask 022",
    '  mkdir -p -- "${target%/*}/"',
    "  umask 077",
    '  : >"$target"',
    "fi",
    `mount -o bind ${file} "$target" 2>/dev/null || mount --bind ${file} "$target"`,
    ...(isLast ? [`mount -o remount,ro ${dir}`] : []),
    "echo $made",
  ].join("\n");
}

const makeFileSystem = [
  `mkdir -p ${root}`,
  `chmod 700 ${root}`,
  `mkdir ${dir}`,
  `mount -t ramfs -o nosuid,nodev,noexec,mode=700 vmbuild-secrets ${dir}`,
];

/**
 * Takes away every mount of the secrets, also those that the command has made, and what was made for their targets.
 * A process that still has one open does not keep it: mounts are detached lazily.
 */
export function withdrawSecretsScript(
  secrets: readonly (GuestSecret & { readonly made: number })[],
): string {
  return [
    "device=",
    "while read -r _ _ number _ point _; do",
    `  [ "$point" != ${dir} ] || device=$number`,
    "done </proc/self/mountinfo",
    ...secrets.map(({ target }) => `umount -l ${quoteWord(target)} 2>/dev/null`),
    "again=$device",
    'while [ -n "$again" ]; do',
    "  again=",
    "  while read -r _ _ number _ point _; do",
    `    [ "$number" = "$device" ] && [ "$point" != ${dir} ] || continue`,
    // Spaces and the like are octal numbers there (proc(5)).
    '    umount -l "$(printf %b "$point")" || exit 1',
    "    again=yes",
    "    break",
    "  done </proc/self/mountinfo",
    "done",
    "take_away() {",
    "  path=$1",
    "  made=$2",
    '  rm -f -- "$path" || exit 1',
    '  while [ "$made" -gt 1 ]; do',
    "    path=${path%/*}",
    '    rmdir -- "$path" 2>/dev/null || return 0',
    "    made=$((made - 1))",
    "  done",
    "}",
    ...secrets
      .filter(({ made }) => made > 0)
      .toReversed()
      .map(({ target, made }) => `take_away ${quoteWord(target)} ${made}`),
    `[ -z "$device" ] || umount -l ${dir} || exit 1`,
    `rmdir ${dir} || exit 1`,
    `rmdir ${root} 2>/dev/null`,
    "sync",
    "exit 0",
    "",
  ].join("\n");
}
