#!/bin/sh
# The base images "busybox" and "busybox-arm64": Debian's cloud kernel, busybox, dropbear. See README.md.
# build.sh with-storage makes "appliance", see ../appliance/README.md.
# What it reads and writes is the same for every recipe: ../README.md.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../lib/recipe.sh
. "$here/../lib/recipe.sh"
# shellcheck source=../lib/debian-packages.sh
. "$here/../lib/debian-packages.sh"
# shellcheck source=../lib/kernel-modules.sh
. "$here/../lib/kernel-modules.sh"
# shellcheck source=../lib/ext4-image.sh
. "$here/../lib/ext4-image.sh"
# shellcheck source=../lib/efi-disk.sh
. "$here/../lib/efi-disk.sh"
# shellcheck source=storage.sh
. "$here/storage.sh"

with_storage=${1:-}

# The file system is sparse, and grows at boot when vmbuild makes the disk larger.
disk_size=4G

# In the initial RAM disk: the disk, the network and the power button.
early_modules='virtio_pci virtio_blk virtio_net evdev button'
# In the image, loaded when a device or a command asks for them.
modules="$early_modules virtio_scsi sd_mod sr_mod virtio_rng virtio_console virtio_balloon
    loop overlay isofs vfat nls_cp437 nls_ascii nls_utf8 xfs btrfs"

# What the kernel does at boot for tracing and for BPF's typed functions: a third of all it does there.
idle_initcalls=trace_eval_init,tracer_init_tracefs,init_kprobe_trace,ftrace_check_for_weak_functions
idle_initcalls=$idle_initcalls,btf_module_init,cubictcp_register,bpf_prog_test_run_init,kfunc_init
idle_initcalls=$idle_initcalls,bpf_key_sig_kfuncs_init,bpf_rstat_kfunc_init,bpf_tcp_ca_kfunc_init

# All that an architecture decides.
arch_settings() {
    case $1 in
    amd64)
        kernel=linux-image-cloud-amd64
        triplet=x86_64-linux-gnu
        loader=lib64/ld-linux-x86-64.so.2
        guest_arch=x86_64
        boot=kernel
        machine=q35
        root_device=vda
        append='console=ttyS0 edd=off noreplace-smp no_timer_check'
        ;;
    arm64)
        kernel=linux-image-cloud-arm64
        triplet=aarch64-linux-gnu
        loader=lib/ld-linux-aarch64.so.1
        guest_arch=aarch64
        boot=uefi
        machine=virt
        root_device=vda2
        append='console=ttyAMA0 arm64.nopauth arm64.nosve arm64.nosme'
        efi_needs
        ;;
    *) fail "busybox is not made for VMBUILD_ARCH=$1, but for amd64 and arm64" ;;
    esac
    memory=512M
    if [ -n "$with_storage" ]; then
        memory=$storage_memory modules="$modules $storage_modules"
    else
        storage_packages=
    fi
    append="$append quiet panic=-1 nokaslr cryptomgr.notests"
    append="$append initcall_blacklist=$idle_initcalls"
}

main() {
    need_setting VMBUILD_OUT VMBUILD_CACHE_DIR VMBUILD_ARCH VMBUILD_AUTHORIZED_KEY VMBUILD_HOST_KEY_FILE
    arch_settings "$VMBUILD_ARCH"
    need_tool cpio cpio
    need_tool mke2fs e2fsprogs
    need_tool debugfs e2fsprogs
    make_work_dir
    mkdir -p "$VMBUILD_CACHE_DIR"

    debian_open "$VMBUILD_CACHE_DIR" "$VMBUILD_ARCH"
    debian=$work/debian static=$work/static firmware=$work/firmware root=$work/root
    kernel=$(debian_depends "$kernel" '^linux-image-')
    # shellcheck disable=SC2086 # a list
    debian_unpack "$debian" "$kernel" $storage_packages \
        busybox libc6 libcrypt1 zlib1g libgmp10 \
        dropbear-bin libtomcrypt1 libtommath1 openssh-sftp-server \
        util-linux libcap-ng0 e2fsprogs libext2fs2 libcom-err2 >"$work/packages"
    debian_unpack "$static" busybox-static >>"$work/packages"
    if [ "$boot" = uefi ]; then
        debian_unpack "$firmware" systemd-boot-efi qemu-efi-aarch64 >>"$work/packages"
    fi
    debian_close
    modules_open "$(echo "$debian"/lib/modules/*)"

    say 'laying out the disk'
    make_root
    say 'making the disk, the kernel and its initial RAM disk'
    case $boot in
    kernel) boot_by_kernel ;;
    uefi) boot_by_uefi ;;
    esac
    make_profile >"$VMBUILD_OUT/profile.toml"
}

# Kernel and initial RAM disk are files beside the disk, which is the root filesystem as a whole.
boot_by_kernel() {
    make_initrd "$VMBUILD_OUT/initrd.img"
    cp "$debian"/boot/vmlinuz-* "$VMBUILD_OUT/vmlinuz"
    ext4_image "$root" "$VMBUILD_OUT/disk.img" "$disk_size" 1000:1000 /home/builder
}

# Everything is on the disk, which UEFI boots as a removable medium.
boot_by_uefi() {
    efi=$work/efi
    mkdir -p "$efi/EFI/BOOT" "$efi/loader/entries"
    cp "$firmware"/usr/lib/systemd/boot/efi/systemd-bootaa64.efi "$efi/EFI/BOOT/BOOTAA64.EFI"
    cp "$firmware"/usr/share/qemu-efi-aarch64/QEMU_EFI.fd "$VMBUILD_OUT/firmware.fd"
    make_initrd "$efi/initrd.img"
    cp "$debian"/boot/vmlinuz-* "$efi/vmlinuz"
    printf 'timeout 0\n' >"$efi/loader/loader.conf"
    printf '%s\n' 'title busybox' 'linux /vmlinuz' 'initrd /initrd.img' "options $append" >"$efi/loader/entries/busybox.conf"
    efi_disk "$VMBUILD_OUT/disk.img" "$disk_size" "$efi"
    ext4_image_within "$root" "$VMBUILD_OUT/disk.img" "$disk_size" "$efi_root_offset" 1000:1000 /home/builder
}

make_root() {
    mkdir -p "$root"
    (
        cd "$root"
        mkdir -p dev proc sys run tmp root/.ssh home/builder mnt media opt srv \
            usr/bin usr/sbin usr/lib usr/lib64 usr/local/bin usr/local/sbin usr/local/lib \
            etc/dropbear var/lib/vmbuild var/cache var/log var/tmp
        for name in bin sbin lib lib64; do ln -s "usr/$name" "$name"; done
        ln -s /run var/run
        ln -s /proc/self/mounts etc/mtab
        chmod 1777 tmp var/tmp
        chmod 700 root root/.ssh
    )
    cp -R "$here/rootfs/." "$root"
    # npm keeps no modes but the executable bit.
    chmod 600 "$root/etc/shadow"
    copy_programs
    copy_libraries
    [ -z "$with_storage" ] || storage_copy
    # shellcheck disable=SC2086 # a list
    modules_install "$root" $modules

    echo "$VMBUILD_AUTHORIZED_KEY" >"$root/root/.ssh/authorized_keys"
    cp "$VMBUILD_HOST_KEY_FILE" "$root/etc/dropbear/dropbear_ed25519_host_key"
    chmod 600 "$root/root/.ssh/authorized_keys" "$root/etc/dropbear/dropbear_ed25519_host_key"
    cp "$work/packages" "$root/var/lib/vmbuild/packages"
    echo $((${disk_size%G} * 2097152)) >"$root/var/lib/vmbuild/disk-sectors"
}

# /bin/sh is not the static busybox: the shell in that one runs its own applets whatever PATH says, so
# that a `tar` or `setpriv` put into the image would not be used.
copy_programs() {
    cp "$debian/bin/busybox" "$root/usr/bin/sh"
    cp "$static/bin/busybox" "$root/usr/bin/busybox"
    cp "$debian/usr/bin/setpriv" "$root/usr/bin/setpriv"
    cp "$debian/usr/sbin/dropbear" "$debian/sbin/resize2fs" "$root/usr/sbin"
    cp "$debian/usr/lib/openssh/sftp-server" "$root/usr/lib/sftp-server"
    ln -s sh "$root/usr/bin/ash"
    # Names of hosts are looked up by a part of the C library that a static program cannot load.
    for applet in wget nslookup ping ping6 nc telnet ftpget ftpput tftp traceroute traceroute6; do
        ln -s sh "$root/usr/bin/$applet"
    done
    link_applets
}

# The applets' links are made from the list in the program, which is not run for it.
link_applets() {
    tr '\0' '\n' <"$root/usr/bin/busybox" | awk '
        $0 == "[" {count = 1; name[1] = $0; next}
        count && /^[a-z0-9[_.-]+$/ {name[++count] = $0; next}
        count > 100 {for (i = 1; i <= count; i++) print name[i]; exit}
        {count = 0}' >"$work/applets"
    [ -s "$work/applets" ] || fail 'found no list of applets in busybox'
    while read -r applet; do
        for dir in bin sbin; do [ -e "$root/usr/$dir/$applet" ] && continue 2; done
        ln -s busybox "$root/usr/bin/$applet"
    done <"$work/applets"
    # Those that others call by this path.
    for applet in init modprobe nologin; do ln -s ../bin/busybox "$root/usr/sbin/$applet"; done
    for action in reboot halt; do ln -s poweroff "$root/usr/sbin/$action"; done
}

# The C library as programs put into the image expect it, and what those in the image need besides.
copy_libraries() {
    libraries=$root/usr/lib/$triplet
    mkdir -p "$libraries"
    for soname in "${loader##*/}" libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 librt.so.1 libresolv.so.2 \
        libcrypt.so.1 libz.so.1 libgmp.so.10 libtomcrypt.so.1 libtommath.so.1 libcap-ng.so.0 \
        libext2fs.so.2 libe2p.so.2 libcom_err.so.2; do
        for dir in "$debian/lib/$triplet" "$debian/usr/lib/$triplet"; do
            [ ! -e "$dir/$soname" ] || cp -L "$dir/$soname" "$libraries"
        done
        [ -e "$libraries/$soname" ] || fail "no $soname in the packages"
    done
    [ -e "$root/usr/$loader" ] || ln -s "../lib/$triplet/${loader##*/}" "$root/usr/$loader"
}

make_initrd() {
    initrd=$work/initrd
    mkdir -p "$initrd/bin" "$initrd/dev" "$initrd/sys" "$initrd/root" "$initrd/modules" \
        "$initrd/dev-extra/pts" "$initrd/dev-extra/shm"
    cp "$here/initrd/init" "$initrd"
    chmod 755 "$initrd/init"
    sed "s,^/dev/ROOT ,/dev/$root_device ," "$here/initrd/fstab" >"$initrd/fstab"
    echo "$root_device" >"$initrd/root-device"
    cp "$root/usr/bin/busybox" "$initrd/bin/busybox"
    ln -s /proc/self/fd "$initrd/dev-extra/fd"
    ln -s fd/0 "$initrd/dev-extra/stdin"
    ln -s fd/1 "$initrd/dev-extra/stdout"
    ln -s fd/2 "$initrd/dev-extra/stderr"
    # shellcheck disable=SC2086 # a list
    for path in $(modules_closure $early_modules); do
        modules_copy "$path" "$initrd/modules/${path##*/}"
        echo "${path##*/}" >>"$initrd/modules/order"
    done
    find "$initrd" -exec touch -h -d "@$ext4_time" {} +
    # Not compressed: unpacking would take longer than loading.
    (cd "$initrd" && find . | sort | cpio --quiet -o -H newc -R 0:0 --reproducible) >"$1"
}

boot_keys() {
    case $boot in
    kernel) printf '%s = "%s"\n' kernel vmlinuz initrd initrd.img append "$append" ;;
    uefi) echo 'firmware = "./firmware.fd"' ;;
    esac
}

make_profile() {
    cat <<END
# Made by base-images/busybox/build.sh.
os = "linux"
arch = "$guest_arch"
machine = "$machine"
$(boot_keys)
disk-bus = "virtio"
memory = "$memory"
cpus = 1
boot-timeout = "60s"
power-off-timeout = "20s"
user = { uid = 0, gid = 0 }
shell = ["/bin/sh", "-c"]

[login]
user = "root"

[env]
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
END
}

main
