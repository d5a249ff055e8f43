# shellcheck shell=sh
# A disk that BIOS and UEFI boot by GRUB, put together as files. Needs lib/recipe.sh and lib/efi-disk.sh.
# Partitions as in Debian's cloud images: 1 the root filesystem, 14 GRUB for BIOS, 15 the EFI system
# partition; the first is last on the disk, so that it can grow.

# Sectors of 512 bytes.
bios_start=2048
disk_efi_start=8192
disk_efi_size=24576
root_start=32768

# GPT's second table takes the last 33.
disk_tail=2048
disk_root_offset=$((root_start * 512))

# disk_partitions DISK SIZE: a disk with room for a root filesystem of SIZE, at disk_root_offset bytes.
disk_partitions() {
    rm -f "$1"
    truncate -s "$2" "$1"
    root_size=$(($(stat -c %s "$1") / 512))
    truncate -s $(((root_start + root_size + disk_tail) * 512)) "$1"
    sfdisk --quiet "$1" <<END || fail 'sfdisk could not make the partitions'
label: gpt
1 : start=$root_start, size=$root_size, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709
14 : start=$bios_start, size=$((disk_efi_start - bios_start)), type=21686148-6449-6E6F-744E-656564454649
15 : start=$disk_efi_start, size=$disk_efi_size, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B
END
}

# disk_bootable DISK DIR: by boot.img, core.img and bootx64.efi in DIR.
disk_bootable() {
    disk=$1 dir=$2
    disk_grub
    disk_efi
}

# As grub-bios-setup(8) would: GRUB's first sector is told where its second is (at 0x5c of boot.img), and
# that where the rest is (12 bytes before its end).
disk_grub() {
    dd if="$dir/boot.img" of="$disk" bs=440 count=1 conv=notrunc status=none
    little_endian $bios_start 8 | dd of="$disk" bs=1 seek=92 conv=notrunc status=none
    dd if="$dir/core.img" of="$disk" bs=512 seek=$bios_start conv=notrunc status=none
    little_endian $((bios_start + 1)) 8 | dd of="$disk" bs=1 seek=$((bios_start * 512 + 500)) conv=notrunc status=none
}

disk_efi() {
    mkdir -p "$dir/efi/EFI/BOOT"
    cp "$dir/bootx64.efi" "$dir/efi/EFI/BOOT/BOOTX64.EFI"
    efi_partition "$disk" $disk_efi_start $disk_efi_size "$dir/efi"
}

# little_endian NUMBER BYTES
little_endian() {
    number=$1 bytes=$2
    while [ "$bytes" -gt 0 ]; do
        # shellcheck disable=SC2059 # the format is the byte
        printf "\\$(printf %03o $((number & 255)))"
        number=$((number >> 8)) bytes=$((bytes - 1))
    done
}
