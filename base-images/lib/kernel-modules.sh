# shellcheck shell=sh
# Chosen kernel modules of an unpacked kernel package, with what `modprobe` needs to load them.
# Everything is read from the modules themselves, so no kmod is needed and no architecture matters.
# Needs lib/recipe.sh.

# modules_open DIR: DIR is lib/modules/VERSION of the unpacked package.
modules_open() {
    modules_from=$1
    # NAME PATH of each module, with the name as the kernel spells it.
    (cd "$modules_from" && find kernel -name '*.ko') |
        awk '{name = $0; sub(/.*\//, "", name); sub(/\.ko$/, "", name); gsub(/-/, "_", name); print name, $0}' \
            >"${work:?}/modules"
}

modules_path() { awk -v name="$1" '$1 == name {print $2; exit}' "$work/modules"; }

# modules_info KEY PATH: the values of KEY in the module's .modinfo, one per line.
modules_info() { grep -azE "^$1=" "$modules_from/$2" | tr '\0' '\n' | sed "s/^$1=//"; }

# modules_closure NAME...: the paths of the modules and all they depend on, each after what it
# depends on. A name that is no module is built into the kernel.
modules_closure() {
    for module; do
        path=$(modules_path "$module")
        [ -n "$path" ] || continue
        # shellcheck disable=SC2046 # a list of names
        (modules_closure $(modules_info depends "$path" | tr ',-' ' _'))
        echo "$path"
    done | awk '!seen[$0]++'
}

# modules_copy PATH TARGET: without the signature. A kernel that does not demand one loads the module
# several times faster without: it neither hashes it nor computes with a 4096-bit key.
modules_copy() {
    mkdir -p "$(dirname "$2")"
    size=$(wc -c <"$modules_from/$1")
    signed=$(tail -c 28 "$modules_from/$1" | tr -d '\0')
    if [ "$signed" = '~Module signature appended~' ]; then
        # The trailer ends in the signature's length, four bytes, big-endian.
        # shellcheck disable=SC2046 # four numbers
        set -- "$1" "$2" $(tail -c 32 "$modules_from/$1" | od -An -tu1 -N4)
        size=$((size - 40 - ((($3 * 256 + $4) * 256 + $5) * 256 + $6)))
    fi
    head -c "$size" "$modules_from/$1" >"$2"
}

# modules_install ROOT NAME...: the modules and all they depend on, with modules.dep and modules.alias.
modules_install() {
    modules_into=$1/lib/modules/${modules_from##*/}
    shift
    mkdir -p "$modules_into"
    cp "$modules_from/modules.builtin" "$modules_into"
    : >"$modules_into/modules.dep"
    : >"$modules_into/modules.alias"
    for path in $(modules_closure "$@"); do
        modules_copy "$path" "$modules_into/$path"
        name=$(basename "$path" .ko | tr - _)
        # depmod lists what a module needs nearest first.
        needs=$(modules_closure "$name" | sed '$d' | tac | tr '\n' ' ')
        echo "$path: $needs" | sed 's/ *$//' >>"$modules_into/modules.dep"
        modules_info alias "$path" | sed "s/.*/alias & $name/" >>"$modules_into/modules.alias"
    done
}
