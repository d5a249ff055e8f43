import { quoteWord } from "../machine/posix-quote.ts";
import type { SealOperation } from "./operations.ts";

/**
 * The functions that operations use. Each tells what it does in records that end in a NUL: the operation, what was
 * done, the path in the image.
 */
const functions = `
umask 077
tell() { printf '%s\\t%s\\t%s\\0' "$operation" "$1" "$2"; }
tell_path() { tell "$1" "\${2#"$root"}"; }
note() { tell note "$1"; }
is_there() { [ -e "$1" ] || [ -L "$1" ]; }
# remove PATH...: with all below it
remove() {
  for path; do
    if is_there "$path"; then
      rm -rf -- "$path"
      tell_path removed "$path"
    fi
  done
}
# remove_in DIR...: all that is in it
remove_in() {
  for dir; do
    [ -d "$dir" ] || continue
    remove "$dir"/* "$dir"/.[!.]* "$dir"/..?*
  done
}
# empty_through FILE: as it is, but for its content; a symlink is followed
empty_through() {
  [ -s "$1" ] || return 0
  : >"$1"
  tell_path emptied "$1"
}
# empty FILE...: those that are no symlinks
empty() {
  for path; do
    [ -L "$path" ] || empty_through "$path"
  done
}
# each_home FUNCTION: called with each home directory there is
each_home() {
  homes=' /root '
  "$1" "$root/root"
  [ -f "$root/etc/passwd" ] || return 0
  while IFS=: read -r _ _ _ _ _ home _; do
    case $home in /?*) ;; *) continue ;; esac
    case $homes in *" $home "*) continue ;; esac
    homes="$homes$home "
    [ ! -d "$root$home" ] || "$1" "$root$home"
  done <"$root/etc/passwd"
}
`;

export interface SealScriptOptions {
  /** Lines as in `authorized_keys`, for the operation `build-key`. */
  readonly publicKeys: readonly string[];
  /** What stands before every path. @default "": the script runs in the image */
  readonly root?: string;
}

/** The script that does the operations, one after the other. It ends with the first that fails. */
export function sealScript(
  operations: readonly SealOperation[],
  { publicKeys, root = "" }: SealScriptOptions,
): string {
  const blobs = publicKeys.map(keyBlob).join(" ");
  const steps = operations.map(
    ({ name, script }) =>
      `operation=${quoteWord(name)}\n(\nset -eu\n${script.trim()}\n)\ncode=$?\n[ $code = 0 ] || { echo "in the operation $operation" >&2; exit 1; }\n`,
  );
  return `root=${quoteWord(root)}\nbuild_keys=${quoteWord(blobs)}\n${functions}\n${steps.join("\n")}`;
}

/** The part of a line of `authorized_keys` that is the key, which is the same whatever stands around it. */
function keyBlob(line: string): string {
  const blob = line.split(/\s+/).find((word) => /^AAAA[A-Za-z0-9+/]+=*$/.test(word));
  if (blob === undefined) throw new Error("Internal error: a public key that is none");
  return blob;
}
