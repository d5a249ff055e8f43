# Makes volumes of 32 MiB with the system in ./system on them, in a machine with the programs for it: ./made/….
set -e
modprobe -a loop dm_mod dm_crypt fuse xfs btrfs
mkdir -p made mnt
new() {
  truncate -s 32M "made/$1"
  device=$(losetup -f)
  losetup "$device" "made/$1"
}
fill() { # SYSTEM DIR
  cp -a "$1/." "$2"
}
new lvm
lvm pvcreate -q "$device"
lvm vgcreate -q -s 1M test-vg "$device"
lvm lvcreate -q -n root -L 24M test-vg
lvm lvcreate -q -n data -L 4M test-vg
mkfs.xfs -q --unsupported /dev/test-vg/root
mke2fs /dev/test-vg/data >/dev/null
mount /dev/test-vg/root mnt
fill system mnt
mkdir -p mnt/data
printf '/dev/mapper/test--vg-root / xfs defaults 0 0\n/dev/test-vg/data /data ext4 defaults 0 0\n' >mnt/etc/fstab
umount mnt
lvm vgchange -q -an
new btrfs
mkfs.btrfs -q --mixed "$device"
mount "$device" mnt
btrfs -q subvolume create mnt/@
btrfs -q subvolume create mnt/@home
fill system mnt/@
mkdir -p mnt/@/home
uuid=$(btrfs filesystem show "$device" | sed -n 's/.*uuid: //p')
printf 'UUID=%s / btrfs subvol=@ 0 0\nUUID=%s /home btrfs subvol=@home 0 0\n' "$uuid" "$uuid" >mnt/@/etc/fstab
umount mnt
new luks
printf secret | cryptsetup luksFormat -q --type luks2 --luks2-metadata-size 16k --luks2-keyslots-size 512k \
  --pbkdf argon2id --pbkdf-memory 32 --pbkdf-parallel 1 --pbkdf-force-iterations 4 "$device" -
printf secret | cryptsetup open --key-file - "$device" opened
mke2fs /dev/mapper/opened >/dev/null
mount /dev/mapper/opened mnt
fill system mnt
umount mnt
cryptsetup close opened
new windows
mkntfs -q -Q -F "$device" >/dev/null
ntfs-3g "$device" mnt
mkdir -p mnt/Windows/System32
echo hello >mnt/hello.txt
umount mnt
cp made/windows made/hibernated
losetup -d "$device"
device=$(losetup -f)
losetup "$device" made/hibernated
ntfs-3g "$device" mnt
{ printf hibr; head -c 8188 /dev/zero; } >mnt/hiberfil.sys
umount mnt
sync
