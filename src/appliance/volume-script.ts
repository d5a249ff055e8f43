/** What the appliance is told of the volumes of a disk: partitions, and what is within those. Pure text, for busybox' shell. */
import { quoteWord } from "../machine/posix-quote.ts";

/** Where the image's root is mounted in the appliance. */
export const root = "/run/vmbuild-image";

/** What opens an encrypted volume. */
export interface VolumeKey {
  /** A LUKS volume's UUID, its partition (`/dev/sda2`), or `all`. */
  readonly volume: string;
  readonly key: Buffer;
}

/** Which system of a disk is meant, and what opens it. */
export interface SystemChoice {
  /** The volume of its root: a partition's number, `VG/LV`, or as an fstab names it. Absent when there is but one. */
  readonly root?: string | undefined;
  /** For encrypted volumes; those that no key is for stay closed. */
  readonly keys?: readonly VolumeKey[] | undefined;
}

/**
 * `volumes` are the names of the disk's partitions, or of the disk itself when it has none. What is on one is told by
 * its first bytes, as libblkid does; the appliance has no blkid.
 */
export const findVolumes = `
# The kernel may still be at it; this waits for it, or begins anew.
blockdev --rereadpt "$disk" 2>/dev/null
name=\${disk##*/}
volumes=
for entry in /sys/block/"$name"/"$name"*; do
  [ -e "$entry/partition" ] && volumes="$volumes \${entry##*/}"
done
[ -n "$volumes" ] || volumes=$name

# key VOLUME: a part of names of variables, into key
key() { key=\${1%%-*}_\${1##*-}; }
number_of() {
  number=
  [ ! -e "/sys/class/block/$1/partition" ] || read -r number <"/sys/class/block/$1/partition"
}
# place VOLUME: as a person calls it
place() {
  number_of "$1"
  place="partition $number"
  [ -n "$number" ] || place='the whole disk'
  case $1 in dm-*) key "$1" && eval "place=\\$place_$key" ;; esac
}
# hex VOLUME OFFSET COUNT
hex() { hexdump -v -s "$2" -n "$3" -e '1/1 "%02x"' "/dev/$1" 2>/dev/null; }
has() { [ "$(hex "$1" "$2" $((\${#3} / 2)))" = "$3" ]; }
# begins_with OFFSET HEX: whether that is there in what was read of the volume
begins_with() {
  [ "\${beginning:$(($1 * 2)):\${#2}}" = "$2" ]
}
# identify VOLUME: what is on it, into type; where its UUID and its label are, into id_at, label_at and label_size; whether
# it is known to have no journal to replay, into clean. Each program that is started takes 5 ms under emulation, so a
# volume is read once, and looked at once.
identify() {
  key "$1"
  eval "known=\\\${identified_$key:-}"
  if [ -z "$known" ]; then
    identify_anew "$1"
    known=$type,$id_at,$label_at,$label_size,$clean
    key "$1"
    eval "identified_$key=\\$known"
    return
  fi
  IFS=, read -r type id_at label_at label_size clean <<KNOWN
$known
KNOWN
}
identify_anew() {
  type=unknown id_at= label_at= label_size= clean=
  beginning=$(hex "$1" 0 1184)
  if begins_with 1080 53ef; then
    type=ext4 id_at=1128 label_at=1144 label_size=16
    # The feature "recover" is the third bit.
    case \${beginning:2241:1} in [012389ab]) clean=yes ;; esac
  elif begins_with 0 58465342; then type=xfs id_at=32 label_at=108 label_size=12
  elif begins_with 82 4641543332; then type=vfat id_at=67 label_at=71 label_size=11 # FAT32
  elif begins_with 54 464154; then type=vfat id_at=39 label_at=43 label_size=11 # FAT12, FAT16
  elif begins_with 0 4c554b53babe; then type='encrypted (LUKS)' id_at=168
  elif begins_with 536 4c564d32; then type=LVM
  elif begins_with 3 4e544653; then type=NTFS
  elif has "$1" 4086 53574150; then type=swap
  elif has "$1" 65600 5f42485266535f4d; then type=btrfs id_at=65568 label_at=65835 label_size=256
  fi
}
# uuid_of VOLUME: into value
uuid_of() {
  identify "$1"
  value=
  case $type in
  ext4 | xfs | btrfs) value=$(hex "$1" $id_at 16 | sed 's/^\\(........\\)\\(....\\)\\(....\\)\\(....\\)/\\1-\\2-\\3-\\4-/') ;;
  'encrypted (LUKS)') value=$(dd if="/dev/$1" bs=1 skip=$id_at count=36 2>/dev/null) ;;
  vfat) value=$(hex "$1" $id_at 4 | sed 's/^\\(..\\)\\(..\\)\\(..\\)\\(..\\)$/\\4\\3-\\2\\1/') ;;
  esac
}
label_of() {
  identify "$1"
  value=
  [ -z "$label_at" ] || value=$(dd if="/dev/$1" bs=1 skip=$label_at count=$label_size 2>/dev/null | tr -d '\\0' | sed 's/ *$//')
}
# driver TYPE: the name by which it is mounted, into fs
driver() {
  case $1 in
  ext4 | xfs | btrfs | vfat) fs=$1 ;;
  NTFS) fs=ntfs-3g; command -v $fs >/dev/null; return ;;
  *) return 1 ;;
  esac
  [ ! -d "/sys/module/$fs" ] || return 0
  grep -qw "$fs" /proc/filesystems || modprobe -q "$fs" 2>/dev/null
  grep -qw "$fs" /proc/filesystems
}
# mount_as FS OPTIONS VOLUME POINT
mount_as() {
  case $1 in
  ntfs-3g) ntfs-3g -o "$2" "/dev/$3" "$4" 2>&1 ;;
  *) mount -t "$1" -o "$2" "/dev/$3" "$4" 2>&1 ;;
  esac
}
lower() { printf %s "$1" | tr A-Z a-z; }
# partition_id VOLUME: its PARTUUID, into value
partition_id() {
  number_of "$1"
  value=
  [ -n "$number" ] || return 0
  read -r sector <"/sys/block/$name/queue/logical_block_size"
  if has "$name" "$sector" 4546492050415254; then # EFI PART
    value=$(hex "$name" $((sector * 2 + (number - 1) * 128 + 16)) 16 | sed \\
      's/^\\(..\\)\\(..\\)\\(..\\)\\(..\\)\\(..\\)\\(..\\)\\(..\\)\\(..\\)\\(....\\)/\\4\\3\\2\\1-\\6\\5-\\8\\7-\\9-/')
  else
    value=$(hex "$name" 440 4 | sed 's/^\\(..\\)\\(..\\)\\(..\\)\\(..\\)$/\\4\\3\\2\\1/')-$(printf %02x "$number")
  fi
}
partition_name() {
  value=$(sed -n 's/^PARTNAME=//p' "/sys/class/block/$1/uevent")
}
# mapper_name /dev/VG/LV: as device mapper calls it, into want
mapper_name() {
  want=\${1#/dev/}
  want=$(printf %s "\${want%%/*}" | sed s/-/--/g)-$(printf %s "\${want#*/}" | sed s/-/--/g)
}
# volume_of SPEC: the volume that an fstab means, into volume
volume_of() {
  case $1 in
  UUID=* | LABEL=* | PARTUUID=* | PARTLABEL=*) by=\${1%%=*} want=\${1#*=} ;;
  /dev/disk/by-uuid/*) by=UUID want=\${1##*/} ;;
  /dev/disk/by-label/*) by=LABEL want=\${1##*/} ;;
  /dev/disk/by-partuuid/*) by=PARTUUID want=\${1##*/} ;;
  /dev/disk/by-partlabel/*) by=PARTLABEL want=\${1##*/} ;;
  /dev/mapper/*) by=mapper want=\${1##*/} ;;
  /dev/[hsv]da[0-9]* | /dev/xvda[0-9]*) by=number want=\${1##*da} ;;
  /dev/nvme0n1p[0-9]* | /dev/mmcblk0p[0-9]*) by=number want=\${1##*p} ;;
  /dev/*/*) by=mapper && mapper_name "$1" ;;
  *) return 1 ;;
  esac
  want=\${want#\\"} want=\${want%\\"}
  for volume in $volumes; do
    case $by in
    PARTUUID) partition_id "$volume" ;;
    PARTLABEL) partition_name "$volume" ;;
    number) number_of "$volume" && value=$number ;;
    UUID) uuid_of "$volume" ;;
    LABEL) label_of "$volume" ;;
    mapper) value=$(cat "/sys/class/block/$volume/dm/name" 2>/dev/null) ;;
    esac
    case $by in *UUID) want=$(lower "$want") value=$(lower "$value") ;; esac
    [ -z "$value" ] || [ "$value" != "$want" ] || return 0
  done
  [ "$by" = mapper ] && volume_of_crypttab "$want"
}
# volume_of_crypttab NAME: what the system itself would open under that name
volume_of_crypttab() {
  [ -f ${root}/etc/crypttab ] && [ ! -L ${root}/etc/crypttab ] || return 1
  name_in_crypttab=$1
  while read -r entry source _; do
    [ "$entry" = "$name_in_crypttab" ] || continue
    case $source in /dev/mapper/*) return 1 ;; esac
    volume_of "$source" || return 1
    key "$volume"
    eval "volume=\\\${inner_$key:-}"
    [ -n "$volume" ]
    return
  done <${root}/etc/crypttab
  return 1
}
`;

/**
 * Opens encrypted volumes with the keys, and finds logical ones; both take programs that are only in the larger appliance.
 * `closing` is how that is undone, the last first.
 */
export function openVolumes(keys: readonly VolumeKey[]): string {
  return `
closing= lvm= luks= ntfs=
sort_out() {
  for volume in $1; do
    identify "$volume"
    case $type in
    LVM) lvm=yes ;;
    'encrypted (LUKS)') luks="$luks $volume" ;;
    NTFS) ntfs=yes ;;
    esac
  done
}
want_tools() { command -v lvm >/dev/null || { tell wanting "$1"; exit 1; }; }
# add_volume KERNEL_NAME PLACE
add_volume() {
  volumes="$volumes $1" place=$2
  key "$1"
  eval "place_$key=\\$place"
}
# try_key VOLUME KEY_IN_BASE64: for the volume of that name, if it is this one
try_key() {
  case $1 in
  all | "$uuid" | /dev/[hsv]da"\${number:-none}" | "/dev/mapper/$mapper") ;;
  *) return 1 ;;
  esac
  tried=yes
  printf %s "$2" | base64 -d | cryptsetup open --type luks --key-file - "/dev/$volume" "$opened" 2>/dev/null
}
try_keys() {
  ${keys.map(({ volume, key }) => `try_key ${quoteWord(volume)} ${key.toString("base64")}`).join(" || ") || "false"}
}
open_luks() {
  for volume in $1; do
    uuid_of "$volume"
    number_of "$volume"
    place "$volume"
    uuid=$value opened=vmbuild-$volume outer=$volume tried=
    mapper=$(cat "/sys/class/block/$volume/dm/name" 2>/dev/null)
    if ! try_keys; then
      [ -z "$tried" ] || { tell impossible; give_up failed "no key opens the encrypted volume on $place"; }
      continue
    fi
    closing="$opened $closing"
    minor=$(dmsetup info -c --noheadings -o minor "$opened")
    key "$outer"
    eval "inner_$key=dm-$minor"
    add_volume "dm-$minor" "the encrypted volume on $place"
    sort_out "dm-$minor"
  done
}
sort_out "$volumes"
${keys.length === 0 ? "" : `[ -z "$luks" ] || want_tools LUKS\nouter_luks=$luks luks=\nopen_luks "$outer_luks"`}
if [ -n "$lvm" ]; then
  want_tools LVM
  said=$(lvm vgchange -q -ay 2>&1) || tell note "not all LVM volumes could be activated: $said"
  closing="lvm $closing"
  while read -r group logical minor layout; do
    case $layout in *pool*) continue ;; esac
    [ "$minor" -ge 0 ] || continue
    add_volume "dm-$minor" "logical volume $group/$logical"
    sort_out "dm-$minor"
  done <<LOGICAL
$(lvm lvs --noheadings -o vg_name,lv_name,lv_kernel_minor,lv_layout 2>/dev/null)
LOGICAL
fi
${keys.length === 0 ? "" : `outer_luks=$luks luks=\nopen_luks "$outer_luks"`}
close_volumes() {
  for name in $closing; do
    case $name in
    lvm) said=$(lvm vgchange -q -an 2>&1) ;;
    *) said=$(cryptsetup close "$name" 2>&1) ;;
    esac || give_up failed "$said"
  done
}
`;
}
