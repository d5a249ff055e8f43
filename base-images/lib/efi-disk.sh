# shellcheck shell=sh
# A disk that UEFI boots as a removable medium, put together as files. Needs lib/recipe.sh.

efi_needs() {
    need_tool sfdisk fdisk
    need_tool mkfs.vfat dosfstools
    need_tool mcopy mtools
}

# efi_partition DISK START SIZE DIR: an EFI system partition with what is in DIR, on a disk that is there.
# START and SIZE are in sectors of 512 bytes.
efi_partition() (
    disk=$1 image=$1.efi
    rm -f "$image"
    truncate -s $(($3 * 512)) "$image"
    mkfs.vfat -F 16 -n EFI -i 76d6275c "$image" >/dev/null || fail 'mkfs.vfat could not make the EFI system partition'
    mcopy -s -i "$image" "$4"/* :: || fail 'mcopy could not fill the EFI system partition'
    dd if="$image" of="$disk" bs=512 seek="$2" conv=sparse,notrunc status=none
    rm "$image"
)

# Where efi_disk puts the root filesystem, in sectors, and bytes; what is before it is the EFI system partition.
efi_start=2048
efi_root_start=133120
# shellcheck disable=SC2034 # for who makes that filesystem
efi_root_offset=$((efi_root_start * 512))

# efi_disk DISK SIZE DIR: a disk with what is in DIR on partition 1, from which UEFI boots, and room for a root
# filesystem of SIZE on partition 2. The partitions are an MBR's (UEFI 2.10, section 5.2): the last one grows
# with the disk by four bytes.
efi_disk() {
    rm -f "$1"
    truncate -s "$2" "$1"
    root_size=$(($(stat -c %s "$1") / 512))
    truncate -s $(((efi_root_start + root_size) * 512)) "$1"
    sfdisk --quiet "$1" <<END || fail 'sfdisk could not make the partitions'
label: dos
label-id: 0x76d6275c
1 : start=$efi_start, size=$((efi_root_start - efi_start)), type=ef
2 : start=$efi_root_start, size=$root_size, type=83
END
    efi_partition "$1" $efi_start $((efi_root_start - efi_start)) "$3"
}
