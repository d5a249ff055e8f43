# shellcheck shell=sh
# Debian packages for an image, without root and apart from the host's own packages: a private apt
# root fetches and verifies them, dpkg-deb unpacks them. Nothing that is in them is run.
# Needs lib/recipe.sh. The host's apt configuration stays in force, so its proxy is used.

debian_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# debian_open CACHE_DIR ARCH [SUITE]: opens the private apt root kept in CACHE_DIR and refreshes its
# package lists from $VMBUILD_MIRROR. Holds a lock on CACHE_DIR until the recipe ends.
debian_open() {
    need_tool apt-get apt
    need_tool dpkg-deb dpkg
    need_tool sha256sum coreutils
    need_tool flock util-linux
    [ -r "$debian_keyring" ] ||
        fail "this needs Debian's signing keys on the host: apt-get install debian-archive-keyring"

    debian_arch=$2
    debian_suite=${3:-bookworm}
    debian_mirror=${VMBUILD_MIRROR:-http://deb.debian.org/debian}
    debian_debs=$1/debs
    debian_root=$1/apt-$debian_suite-$debian_arch
    mkdir -p "$debian_debs" "$debian_root/lists/partial" "$debian_root/archives/partial"
    debian_root=$(cd "$debian_root" && pwd)
    exec 9>"$1/lock"
    flock 9

    : >"$debian_root/status"
    printf 'deb [arch=%s signed-by=%s] %s %s main\n' \
        "$debian_arch" "$debian_keyring" "$debian_mirror" "$debian_suite" >"$debian_root/sources.list"
    debian_refresh
}

debian_refresh() {
    say "reading the package lists of $debian_mirror $debian_suite ($debian_arch)"
    debian_apt apt-get -qq -o APT::Update::Error-Mode=any update >"$debian_root/log" 2>&1 && return
    cat "$debian_root/log" >&2
    ls "$debian_root"/lists/*_Packages* >/dev/null 2>&1 ||
        fail "cannot read the package lists of $debian_mirror"
    say "warning: going on with the package lists fetched before"
}

# debian_apt TOOL ARGUMENT...: an apt tool on the private root. It drops no privileges when run by
# root, for its download user could not enter the private directories.
debian_apt() (
    tool=$1
    shift
    exec "$tool" \
        -o "Dir::Etc::SourceList=$debian_root/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o "Dir::State=$debian_root" -o "Dir::State::lists=$debian_root/lists" \
        -o "Dir::State::status=$debian_root/status" \
        -o "Dir::Cache=$debian_root" -o "Dir::Cache::archives=$debian_root/archives" \
        -o "APT::Architecture=$debian_arch" -o "APT::Architectures::=$debian_arch" \
        -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=2 "$@" 9>&-
)

# debian_depends PACKAGE: the packages that PACKAGE depends on, one per line.
debian_depends() {
    debian_apt apt-cache depends --important "$1" | sed -n 's/^ *Depends: //p'
}

# debian_unpack DIR PACKAGE...: unpacks the newest version of each PACKAGE into DIR, fetching those
# that the cache lacks. Prints "PACKAGE VERSION" for each.
debian_unpack() {
    debian_into=$1
    shift
    mkdir -p "$debian_into"
    debian_apt apt-cache show --no-all-versions "$@" >"$debian_root/show" 2>"$debian_root/log" || {
        cat "$debian_root/log" >&2
        fail "$debian_suite has no such package for $debian_arch"
    }
    awk '/^Package:/ {p=$2} /^Version:/ {v=$2} /^SHA256:/ {s=$2} /^$/ {print p, v, s}' \
        "$debian_root/show" >"$debian_root/wanted"
    while read -r package version sum; do
        debian_fetch "$package" "$version" "$sum"
        dpkg-deb -x "$debian_debs/$sum.deb" "$debian_into" || fail "cannot unpack $package $version"
        echo "$package $version"
    done <"$debian_root/wanted"
}

# debian_fetch PACKAGE VERSION SHA256: the cache names a package by its content, which is checked
# before each use.
debian_fetch() {
    deb=$debian_debs/$3.deb
    echo "$3  $deb" | sha256sum --check --status 2>/dev/null && return
    say "fetching $1 $2"
    rm -rf "$debian_root/download"
    mkdir "$debian_root/download"
    (cd "$debian_root/download" && debian_apt apt-get -qq download "$1=$2" >"$debian_root/log" 2>&1) || {
        cat "$debian_root/log" >&2
        fail "cannot fetch $1 $2 from $debian_mirror"
    }
    mv "$debian_root"/download/*.deb "$deb"
    echo "$3  $deb" | sha256sum --check --status || fail "$1 $2 is not what $debian_mirror announces"
}
