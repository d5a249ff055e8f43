# shellcheck shell=sh
# What the base image "appliance" has besides: programs and drivers for disks that busybox alone cannot read.
# Needs what build.sh has sourced and set.

storage_packages='lvm2 dmsetup libdevmapper1.02.1 libdevmapper-event1.02.1 libaio1 libblkid1 libedit2 libselinux1
    libsystemd0 libudev1 libpcre2-8-0 libtinfo6 libbsd0 libmd0 liblzma5 libzstd1 liblz4-1 libgcrypt20 libgpg-error0
    libcap2 cryptsetup-bin libcryptsetup12 libpopt0 libuuid1 libssl3 libjson-c5 libargon2-1 ntfs-3g libntfs-3g89
    btrfs-progs liblzo2-2 libgcc-s1 xfsprogs libinih1 liburcu8'
storage_programs='sbin/lvm sbin/dmsetup sbin/cryptsetup bin/ntfs-3g sbin/mkntfs bin/btrfs sbin/mkfs.btrfs
    sbin/mkfs.xfs sbin/xfs_repair'
storage_modules='dm_mod dm_crypt dm_snapshot dm_thin_pool dm_mirror dm_raid fuse xts cbc essiv aesni_intel
    sha256_ssse3 sha512_ssse3 algif_skcipher algif_hash'
# Opening a LUKS volume as cryptsetup makes it takes a gigabyte, by design.
storage_memory=1536M

# storage_copy: the programs, and every library of their packages.
storage_copy() {
    for program in $storage_programs; do
        path=$debian/$program
        [ -e "$path" ] || path=$debian/usr/$program
        cp -L "$path" "$root/usr/sbin" || fail "no $program in the packages"
    done
    for dir in "$debian/lib/$triplet" "$debian/usr/lib/$triplet"; do
        for library in "$dir"/*.so.*; do
            name=${library##*/}
            [ -e "$root/usr/lib/$triplet/$name" ] || cp -L "$library" "$root/usr/lib/$triplet"
        done
    done
    mkdir -p "$root/etc/lvm"
    # No udev is there to make names for what the kernel has found, and none to wait for.
    cat >"$root/etc/lvm/lvm.conf" <<'CONF'
activation { udev_sync = 0 udev_rules = 0 monitoring = 0 }
devices { obtain_device_list_from_udev = 0 use_devicesfile = 0 }
backup { backup = 0 archive = 0 }
CONF
}
