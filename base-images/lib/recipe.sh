# shellcheck shell=sh
# What every recipe begins with: the settings of its shell, how it speaks, what it may need.
# Source it first, under `set -eu`.

LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin # mke2fs and debugfs live there, and a plain user's PATH may not name them
export LC_ALL PATH
umask 022

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "error: $*"
    exit 1
}

# need_tool TOOL PACKAGE: PACKAGE is what Debian and Ubuntu call it.
need_tool() {
    command -v "$1" >/dev/null || fail "this needs $1 on the host: apt-get install $2"
}

# need_setting NAME...: each must be in the environment and not empty.
need_setting() {
    for setting; do
        eval "[ -n \"\${$setting:-}\" ]" || fail "$setting is not set (see base-images/README.md)"
    done
}

# make_work_dir: sets $work to a fresh directory beside the results, gone when the recipe ends.
make_work_dir() {
    mkdir -p "$VMBUILD_OUT"
    work=$(mktemp -d "$VMBUILD_OUT/.work.XXXXXX")
    trap 'chmod -R u+rwX "$work"; rm -rf "$work"' EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
}
