#!/usr/bin/env bash
# Makes a Debian or Ubuntu machine ready to build and test vmbuild.
# Nothing missing: nothing is run, nothing is downloaded.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin # where a plain user's PATH has not got mke2fs

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }

command -v node >/dev/null ||
    fail "Node.js 20.19 or newer is needed and there is none; see https://nodejs.org/en/download"
node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' ||
    fail "Node.js 20.19 or newer is needed; $(command -v node) is $(node --version). See https://nodejs.org/en/download"

# want PACKAGE COMMAND|FILE: notes a Debian package whose command or file is missing
missing=()
want() {
    command -v "$2" >/dev/null || [[ $2 == /* && -e $2 ]] || missing+=("$1")
}
want npm npm # Debian's nodejs comes without
want qemu-system-x86 qemu-system-x86_64
want qemu-system-arm qemu-system-aarch64
want qemu-efi-aarch64 /usr/share/AAVMF/AAVMF_CODE.fd
want qemu-utils qemu-img
want ovmf /usr/share/OVMF/OVMF_CODE_4M.fd # UEFI
want e2fsprogs mke2fs # and debugfs
want cpio cpio
want mmdebstrap mmdebstrap
want fdisk sfdisk
want dosfstools mkfs.vfat
want mtools mcopy
want xorriso xorriso # this and the next: base images that are installed from an ISO
want busybox busybox
want libarchive-tools bsdtar # this and the next: tests of scripts for guests other than Linux
want mksh mksh
want pax paxtar
want libxml2-utils xmllint
[ "$(id -u)" = 0 ] || want uidmap newuidmap
want openssh-client ssh # --keep-failed prints an ssh command
want util-linux setpriv # and flock
want debian-archive-keyring /usr/share/keyrings/debian-archive-keyring.gpg

if [ ${#missing[@]} -gt 0 ]; then
    say "missing Debian packages: ${missing[*]}"
    install=(apt-get install -y --no-install-recommends "${missing[@]}")
    if ! command -v apt-get >/dev/null; then
        fail "this machine has no apt; install what these packages contain, then try again"
    elif [ "$(id -u)" = 0 ]; then
        as_root=()
    elif sudo -n true 2>/dev/null; then
        as_root=(sudo -n)
    else
        fail "to install them: sudo apt-get update && sudo ${install[*]}"
    fi
    # A repository that is down may be none of those needed. A machine just started may still hold apt's lock.
    "${as_root[@]}" apt-get update -q || say "apt-get update failed; trying all the same"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "${install[@]}" -o DPkg::Lock::Timeout=300
fi

# The lock file of the last install lies beside what it installed.
installed=node_modules/.vmbuild-package-lock.json
if ! cmp -s package-lock.json "$installed"; then
    say "installing npm packages"
    npm ci
    cp package-lock.json "$installed"
fi
