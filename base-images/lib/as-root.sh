# shellcheck shell=sh
# Work on files of many owners, without being root: in a user namespace where needed. Needs lib/recipe.sh.

# need_many_owners: fails where as_root cannot work.
need_many_owners() {
    [ "$(id -u)" != 0 ] || return 0
    need_tool unshare util-linux
    need_tool newuidmap uidmap
    as_root true 2>/dev/null ||
        fail "this needs root, or a user namespace with the subordinate ids of $(id -un) in /etc/subuid and /etc/subgid (subuid(5))"
}

# as_root COMMAND...: runs it where its user is root and may own files as anybody.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else unshare --user --map-auto --map-root-user -- "$@"; fi
}
