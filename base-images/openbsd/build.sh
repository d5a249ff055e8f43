#!/bin/sh
# The base image "openbsd": see README.md. What it reads and writes is the same for every recipe: ../README.md.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../lib/recipe.sh
. "$here/../lib/recipe.sh"
# shellcheck source=../lib/installer.sh
. "$here/../lib/installer.sh"

disk_size=16G

main() {
    need_setting VMBUILD_OUT VMBUILD_AUTHORIZED_KEY VMBUILD_HOST_KEY_OPENSSH_FILE
    need_media VMBUILD_ISO --iso 'the installation ISO of OpenBSD for amd64 (installXX.iso)' \
        'https://www.openbsd.org/faq/faq4.html#Download'
    need_tool xorriso xorriso
    need_tool qemu-system-x86_64 qemu-system-x86
    need_tool busybox busybox
    need_tool unshare util-linux
    own_network=--net
    [ "$(id -u)" = 0 ] || own_network='--user --map-root-user --net'
    # shellcheck disable=SC2086 # a list
    unshare $own_network true 2>/dev/null ||
        fail 'this needs root, or user namespaces for everybody (sysctl kernel.unprivileged_userns_clone=1)'
    make_work_dir

    find_release
    say "unpacking OpenBSD $release"
    make_site "$work/http"
    make_netboot "$work/tftp"
    write_within "$work/within"
    run_within=$work/within
    # The empty disk is tried first, and the network then: it is the installer's, until there is a system on the disk.
    run_installer "$VMBUILD_OUT/disk.img" "$disk_size" 1G pc \
        -device virtio-blk-pci,drive=system,bootindex=0 \
        -netdev "user,id=net0,tftp=$(qemu_path "$work/tftp"),bootfile=auto_install" \
        -device virtio-net-pci,netdev=net0,bootindex=1 \
        -device virtio-rng-pci
    make_profile >"$VMBUILD_OUT/profile.toml"
}

# Sets $release (7.8) and $version (78) from what the ISO has.
find_release() {
    release=$(iso_list "$VMBUILD_ISO" 'base*.tgz' | sed -n 's|^/\([0-9]*\.[0-9]\)/amd64/base[0-9]*\.tgz$|\1|p' | head -n 1)
    [ -n "$release" ] ||
        fail "$VMBUILD_ISO is no installation ISO of OpenBSD for amd64: it has no X.Y/amd64/baseXY.tgz; give installXY.iso, not the .img"
    version=$(printf '%s' "$release" | tr -d .)
}

# What the installer fetches from http://10.0.2.2/: its answers, and the sets of files with one of our own.
make_site() {
    sets=$1/pub/OpenBSD/$release/amd64
    mkdir -p "$1/pub/OpenBSD/$release"
    iso_extract "$VMBUILD_ISO" "/$release/amd64" "$sets"
    make_site_set "$sets/site$version.tgz"
    # The installer takes the last word of each line for a name.
    (cd "$sets" && ls -l) >"$work/index.txt"
    mv "$work/index.txt" "$sets/index.txt"
    sed "s/@VERSION@/$version/g" "$here/install.conf" >"$1/install.conf"
    cp "$here/disklabel" "$1/disklabel"
}

# The set that is unpacked last and has the script that the installer runs then.
make_site_set() {
    site=$work/site
    mkdir -p "$site/root/.ssh" "$site/etc/ssh"
    cp "$here/site/install.site" "$site/install.site"
    echo "$VMBUILD_AUTHORIZED_KEY" >"$site/root/.ssh/authorized_keys"
    cp "$VMBUILD_HOST_KEY_OPENSSH_FILE" "$site/etc/ssh/ssh_host_ed25519_key"
    chmod 755 "$site/install.site" "$site/etc" "$site/etc/ssh"
    chmod 700 "$site/root" "$site/root/.ssh"
    chmod 600 "$site/root/.ssh/authorized_keys" "$site/etc/ssh/ssh_host_ed25519_key"
    # Files alone: unpacking directories would change those of the system.
    (cd "$site" && find . -type f | sort |
        tar -cz --format=ustar --owner=0 --group=0 --numeric-owner -T - -f "$1")
}

# What the network card's boot ROM fetches by TFTP. The boot loader is in the base set.
make_netboot() {
    mkdir -p "$1/etc"
    tar -xzOf "$sets/base$version.tgz" ./usr/mdec/pxeboot >"$1/auto_install" ||
        fail "base$version.tgz has no ./usr/mdec/pxeboot"
    cp "$sets/bsd.rd" "$1/bsd.rd" || fail "$VMBUILD_ISO has no bsd.rd"
    cp "$here/boot.conf" "$1/etc/boot.conf"
}

# Starts a command with a web server beside it, in a network of their own where port 80 is free and nobody else comes.
# It is 10.0.2.2 to the machine.
write_within() {
    cat >"$1" <<END
#!/bin/sh
exec unshare $own_network sh -c '
    busybox ip link set lo up || exit 1
    busybox httpd -f -p 127.0.0.1:80 -h "\$0" &
    server=\$!
    # 127.0.0.1:80 as /proc tells it, which is this network alone.
    until grep -q "^ *[0-9]*: 0100007F:0050 " /proc/net/tcp; do
        kill -0 "\$server" || exit 1
        sleep 0.1
    done
    "\$@"
    status=\$?
    kill "\$server"
    exit "\$status"
' '$(printf '%s' "$work/http" | sed "s/'/'\\\\''/g")' "\$@"
END
    chmod 755 "$1"
}

make_profile() {
    cat <<END
# Made by base-images/openbsd/build.sh: OpenBSD $release.
os = "openbsd"
arch = "x86_64"
machine = "pc"
disk-bus = "virtio"
memory = "1G"
cpus = 2
boot-timeout = "5m"
power-off-timeout = "90s"
boot = "cold"
user = { uid = 0, gid = 0 }
shell = ["/bin/sh", "-c"]

[login]
user = "root"
END
}

main
