# shellcheck shell=sh
# A bootable Debian system on a disk with GRUB: systemd, OpenSSH, cloud-init. Needs lib/recipe.sh,
# lib/as-root.sh, lib/debian-packages.sh, lib/ext4-image.sh, lib/efi-disk.sh and lib/gpt-disk.sh.

# debian_system SUITE SIZE: makes $VMBUILD_OUT/disk.img and profile.toml.
debian_system() {
    need_setting VMBUILD_OUT VMBUILD_CACHE_DIR VMBUILD_ARCH VMBUILD_AUTHORIZED_KEY VMBUILD_HOST_KEY_OPENSSH_FILE
    [ "$VMBUILD_ARCH" = amd64 ] || fail "this is not made for VMBUILD_ARCH=$VMBUILD_ARCH, but for amd64"
    need_tool mmdebstrap mmdebstrap
    need_many_owners
    efi_needs
    make_work_dir
    mkdir -p "$VMBUILD_CACHE_DIR"

    debian_open "$VMBUILD_CACHE_DIR" "$VMBUILD_ARCH" "$1"
    system_files
    system_install "$1"
    debian_close

    say 'making the disk'
    system_disk "$VMBUILD_OUT/disk.img" "$2"
    system_profile >"$VMBUILD_OUT/profile.toml"
}

# What a virtual machine needs and what people expect to be there; nothing that is only recommended.
system_packages='systemd-sysv systemd-resolved udev dbus linux-image-cloud-amd64 initramfs-tools lz4
    grub-pc-bin grub2-common grub-efi-amd64-bin cloud-init cloud-guest-utils openssh-server sudo
    iproute2 iputils-ping netbase ca-certificates e2fsprogs procps less'

# The files of ours, as an archive in which everything belongs to root.
system_files() {
    files=$work/files
    mkdir -p "$files/root/.ssh" "$files/root/grub"
    cp -R "$recipe_lib/debian/rootfs/." "$files"
    echo "$VMBUILD_AUTHORIZED_KEY" >"$files/root/.ssh/authorized_keys"
    cp "$VMBUILD_HOST_KEY_OPENSSH_FILE" "$files/root/host-key"
    cp "$recipe_lib/debian/install.sh" "$files/root/install.sh"
    echo "UUID=$ext4_uuid / ext4 errors=remount-ro 0 1" >"$files/etc/fstab"
    echo debian >"$files/etc/hostname"
    printf '127.0.0.1 localhost debian\n::1 localhost ip6-localhost ip6-loopback\n' >"$files/etc/hosts"
    cat >"$files/root/grub/load.cfg" <<END
search.fs_uuid $ext4_uuid root
set prefix=(\$root)/boot/grub
END
    # Not in /boot/grub yet, where the kernel's package would find one and want to make it anew.
    # /vmlinuz and /initrd.img are kept up to date by Debian's kernel packages.
    cat >"$files/root/grub/grub.cfg" <<END
# As long as there is no other: update-grub(8) makes one by /etc/default/grub.
linux /vmlinuz root=UUID=$ext4_uuid ro console=tty0 console=ttyS0 quiet
initrd /initrd.img
boot
END
    tar -C "$files" --owner=root:0 --group=root:0 --mode=u+rwX,go=rX -cf "$work/files.tar" .
}

# system_install SUITE: the system as $work/system.tar.
system_install() {
    debs=$VMBUILD_CACHE_DIR/system-$1-$VMBUILD_ARCH
    mkdir -p "$debs"
    security=${debian_mirror%/debian}/debian-security
    say "installing Debian $1"
    # The hooks are of mmdebstrap(1), for a cache of packages.
    # shellcheck disable=SC2016,SC2086 # mmdebstrap expands $1; a list
    mmdebstrap --variant=minbase --architectures="$VMBUILD_ARCH" \
        --include="$(echo $system_packages | tr ' ' ,)" \
        --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
        --dpkgopt=force-confold \
        --skip=download/empty --skip=essential/unlink \
        --setup-hook='mkdir -p "$1/var/cache/apt/archives/partial"' \
        --setup-hook="sync-in '$debs' /var/cache/apt/archives/" \
        --essential-hook="tar-in '$work/files.tar' /" \
        --customize-hook="sync-out /var/cache/apt/archives '$debs'" \
        --customize-hook='chroot "$1" sh /root/install.sh && rm "$1/root/install.sh"' \
        "$1" "$work/system.tar" "deb [signed-by=$debian_keyring] $debian_mirror $1 main" \
        "deb [signed-by=$debian_keyring] $debian_mirror $1-updates main" \
        "deb [signed-by=$debian_keyring] $security $1-security main" >"$work/log" 2>&1 9>&- || {
        grep -iE 'error|^[EW]:' "$work/log" | head -n 20 >&2
        fail "mmdebstrap could not install Debian $1"
    }
}

# system_disk DISK SIZE
system_disk() {
    disk_partitions "$1" "$2"
    # shellcheck disable=SC2016 # the inner shell expands them
    as_root sh -eu -c '
        . "$1/recipe.sh"; . "$1/ext4-image.sh"
        cd "$2"
        mkdir system
        tar -C system --xattrs --exclude="./dev/*" -xpf system.tar
        ext4_within system "$3" "$4" "$5"
        cp system/boot/grub/core.img system/boot/grub/bootx64.efi system/usr/lib/grub/i386-pc/boot.img .
        rm -rf system' sh "$recipe_lib" "$work" "$(realpath "$1")" "$2" "$disk_root_offset"
    disk_bootable "$1" "$work"
}

system_profile() {
    cat <<END
# Made by base-images/lib/debian/system.sh.
os = "linux"
arch = "x86_64"
machine = "q35"
firmware = "bios"
disk-bus = "virtio"
memory = "1G"
cpus = 2
boot-timeout = "180s"
power-off-timeout = "60s"
user = { uid = 0, gid = 0 }
shell = ["/bin/bash", "-c"]

[login]
user = "root"

[env]
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
END
}
