#!/bin/sh
# The base image "windows-server-2022": see README.md. What it reads and writes is the same for every recipe:
# ../README.md.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../lib/recipe.sh
. "$here/../lib/recipe.sh"
# shellcheck source=../lib/installer.sh
. "$here/../lib/installer.sh"

disk_size=40G

main() {
    need_setting VMBUILD_OUT VMBUILD_AUTHORIZED_KEY VMBUILD_HOST_KEY_OPENSSH_FILE
    need_media VMBUILD_ISO --iso 'the installation ISO of Windows Server 2022, in English' \
        'https://www.microsoft.com/evalcenter/ or your volume licence'
    [ -z "${VMBUILD_DRIVERS:-}" ] || need_media VMBUILD_DRIVERS --drivers 'virtio-win.iso' \
        'https://fedorapeople.org/groups/virt/virtio-win/'
    [ -z "${VMBUILD_OPENSSH:-}" ] || need_media VMBUILD_OPENSSH --openssh 'OpenSSH-Win64-….msi' \
        'https://github.com/PowerShell/Win32-OpenSSH/releases'
    need_tool xorriso xorriso
    need_tool qemu-system-x86_64 qemu-system-x86
    make_work_dir
    need_bootable_iso "$VMBUILD_ISO" 'the installation ISO of Windows Server 2022'

    say 'making the medium with the answers'
    bus=sata
    make_medium "$work/medium"
    iso_make "$work/medium" "$work/answers.iso"
    case $bus in
    virtio) disk_device=virtio-blk-pci ;;
    sata) disk_device=ide-hd,bus=sata0.0 ;;
    esac
    # The empty disk is tried first: it starts nothing until Windows is on it, so that only the first start is from the ISO.
    run_installer "$VMBUILD_OUT/disk.img" "$disk_size" 4G q35 \
        -device ahci,id=sata0 -device "$disk_device,drive=system,bootindex=0" \
        -blockdev "driver=raw,node-name=installer,read-only=on,file.driver=file,file.filename=$(qemu_path "$VMBUILD_ISO")" \
        -device ide-cd,bus=sata0.1,drive=installer,bootindex=1 \
        -blockdev "driver=raw,node-name=answers,read-only=on,file.driver=file,file.filename=$(qemu_path "$work/answers.iso")" \
        -device ide-cd,bus=sata0.2,drive=answers \
        -netdev user,id=net0 -device e1000,netdev=net0,romfile= \
        -rtc base=localtime
    make_profile >"$VMBUILD_OUT/profile.toml"
}

# Windows looks for the answers in the root of every disk, and finds this medium as E:.
make_medium() {
    mkdir -p "$1"
    cp "$here/medium/setup.ps1" "$here/medium/sshd_config" "$1"
    echo "$VMBUILD_AUTHORIZED_KEY" >"$1/authorized_keys"
    cp "$VMBUILD_HOST_KEY_OPENSSH_FILE" "$1/ssh_host_ed25519_key"
    [ -z "${VMBUILD_OPENSSH:-}" ] || cp "$VMBUILD_OPENSSH" "$1/openssh.msi"
    without='/<!-- drivers -->/,/<!-- end of drivers -->/d'
    if [ -n "${VMBUILD_DRIVERS:-}" ]; then
        bus=virtio without=
        mkdir -p "$1/drivers"
        for driver in viostor vioscsi NetKVM; do
            iso_extract "$VMBUILD_DRIVERS" "/$driver/2k22/amd64" "$1/drivers/$driver"
        done
    fi
    password=$(random_password)
    sed -e "$without" -e "s/@PASSWORD@/$password/" "$here/medium/autounattend.xml" >"$1/autounattend.xml"
    chmod -R u+rwX "$1"
}

make_profile() {
    cat <<END
# Made by base-images/windows-server-2022/build.sh.
os = "windows"
arch = "x86_64"
machine = "q35"
disk-bus = "$bus"
memory = "4G"
cpus = 2
boot-timeout = "10m"
power-off-timeout = "3m"
boot = "cold"

[login]
user = "Administrator"
END
}

main
