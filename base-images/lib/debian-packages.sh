# shellcheck shell=sh
# Debian packages for an image, without root and apart from the host's own packages: a private apt
# root fetches and verifies them, dpkg-deb unpacks them. Nothing that is in them is run.
# Needs lib/recipe.sh. The host's apt configuration stays in force, so its proxy is used.

debian_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# debian_open CACHE_DIR ARCH [SUITE]: opens the private apt root kept in CACHE_DIR and refreshes its
# package lists from $VMBUILD_MIRROR. One recipe at a time uses a CACHE_DIR, until debian_close.
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
    mkdir -p "$1/debs" "$1/apt-$debian_suite-$debian_arch"
    debian_debs=$(cd "$1/debs" && pwd)
    debian_root=$(cd "$1/apt-$debian_suite-$debian_arch" && pwd)
    exec 9>"$1/lock"
    flock 9
    debian_configure
    debian_refresh
}

debian_close() { exec 9>&-; }

# How the host reaches its mirrors holds here too; its own sources, packages and hooks do not.
debian_configure() {
    mkdir -p "$debian_root/lists/partial" "$debian_root/archives/partial"
    : >"$debian_root/status"
    printf 'deb [arch=%s signed-by=%s] %s %s main\n' \
        "$debian_arch" "$debian_keyring" "$debian_mirror" "$debian_suite" >"$debian_root/sources.list"
    {
        apt-config dump | grep '^Acquire::'
        cat <<END
Dir::Etc::main "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::Etc::sourcelist "$debian_root/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State "$debian_root";
Dir::State::lists "$debian_root/lists";
Dir::State::status "$debian_root/status";
Dir::Cache "$debian_root";
Dir::Cache::archives "$debian_root/archives";
APT::Architecture "$debian_arch";
APT::Architectures { "$debian_arch"; };
APT::Update::Error-Mode "any";
APT::Sandbox::User "root"; // apt's own download user cannot enter a private directory
Acquire::Languages "none";
Acquire::Retries "2";
END
    } >"$debian_root/apt.conf"
}

debian_apt() { APT_CONFIG=$debian_root/apt.conf "$@" 9>&-; }

debian_refresh() {
    say "reading the package lists of $debian_mirror $debian_suite ($debian_arch)"
    debian_apt apt-get -qq update >"$debian_root/log" 2>&1 && return
    cat "$debian_root/log" >&2
    ! grep -q NO_PUBKEY "$debian_root/log" ||
        fail "the host's debian-archive-keyring is older than Debian $debian_suite: install a newer one, by apt-get or from $debian_mirror/pool/main/d/debian-archive-keyring/"
    ls "$debian_root"/lists/*_Packages* >/dev/null 2>&1 ||
        fail "cannot read the package lists of $debian_mirror"
    say "warning: going on with the package lists fetched before"
}

# debian_depends PACKAGE PATTERN: what PACKAGE depends on that matches, for the versioned package
# behind a name such as linux-image-cloud-amd64.
debian_depends() {
    debian_apt apt-cache depends --important "$1" 2>&1 | sed -n 's/^ *Depends: //p' | grep "$2" ||
        fail "$1 depends on nothing like $2 in $debian_suite ($debian_arch)"
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
