/**
 * What the appliance is told: find the system on a plugged disk, mount it, run a script in it, trim and unmount. Pure
 * text, for busybox' shell.
 *
 * Nothing of the image is executed. The script runs in a chroot, so that symlinks lead where they lead in the image's
 * own system, with the appliance's static busybox as its only program.
 */
import { quoteWord } from "../machine/posix-quote.ts";
import { findDisk, removeDisk } from "../sandbox/posix-files.ts";

/** Where the image's root is mounted in the appliance. */
const root = "/run/vmbuild-image";

/** Where file systems are mounted to be looked at. */
const look = "/run/vmbuild-look";

/** What else there is to a script. */
export interface EditScriptOptions {
  /** A second plugged disk, which is `/dev/data` in the system. */
  readonly dataLun?: number | undefined;
  /** Whether free space is given back. @default true */
  readonly trim?: boolean;
}

/**
 * The appliance's script for the plugged disk `lun`, for a root shell's standard input. `script` is run by busybox' sh
 * in the image's system, where `/` is its root, and must not read its standard input.
 *
 * It tells what it does in records, see `parseReport`; `script` may print records of its own.
 */
export function editScript(
  lun: number,
  script: string,
  { dataLun, trim = true }: EditScriptOptions = {},
): string {
  return [
    prelude,
    findDisk("disk", lun),
    findVolumes,
    findRoot,
    mountAll,
    ...(dataLun === undefined ? [] : [findDisk("data", dataLun), offerData]),
    `printf %s ${quoteWord(script)} >${root}/dev/script`,
    runScript,
    trimAndUnmount(trim),
    removeDisk(lun),
    ...(dataLun === undefined ? [] : [removeDisk(dataLun)]),
    "tell done",
    "",
  ].join("\n");
}

const prelude = `
set -u
umask 022
tab='	'
# tell KIND FIELD...: one record
tell() {
  printf %s "$1"
  shift
  for field; do printf '\\t%s' "$field"; done
  printf '\\0'
}
# give_up KIND FIELD...: the machine is ended, and what it wrote thrown away
give_up() { tell "$@"; exit 1; }
`;

/**
 * `volumes` are the names of the disk's partitions, or of the disk itself when it has none. What is on one is told by
 * its first bytes, as libblkid does; the appliance has no blkid.
 */
const findVolumes = `
# The kernel may still be at it; this waits for it, or begins anew.
blockdev --rereadpt "$disk" 2>/dev/null
name=\${disk##*/}
volumes=
for entry in /sys/block/"$name"/"$name"*; do
  [ -e "$entry/partition" ] && volumes="$volumes \${entry##*/}"
done
[ -n "$volumes" ] || volumes=$name

number_of() {
  number=
  [ ! -e "/sys/class/block/$1/partition" ] || read -r number <"/sys/class/block/$1/partition"
}
# place VOLUME: as a person calls it
place() {
  number_of "$1"
  place="partition $number"
  [ -n "$number" ] || place='the whole disk'
}
# hex VOLUME OFFSET COUNT
hex() { hexdump -v -s "$2" -n "$3" -e '1/1 "%02x"' "/dev/$1" 2>/dev/null; }
has() { [ "$(hex "$1" "$2" $((\${#3} / 2)))" = "$3" ]; }
# begins_with OFFSET HEX: whether that is there in what was read of the volume
begins_with() {
  [ "\${beginning:$(($1 * 2)):\${#2}}" = "$2" ]
}
# identify VOLUME: what is on it, into type; where its UUID and its label are, into id_at, label_at and label_size. Each
# program that is started takes 5 ms under emulation, so a volume is read once, and looked at once.
identify() {
  eval "known=\\\${identified_$1:-}"
  if [ -z "$known" ]; then
    identify_anew "$1"
    known=$type,$id_at,$label_at,$label_size
    eval "identified_$1=\\$known"
    return
  fi
  IFS=, read -r type id_at label_at label_size <<KNOWN
$known
KNOWN
}
identify_anew() {
  type=unknown id_at= label_at= label_size=
  beginning=$(hex "$1" 0 4096)
  if begins_with 1080 53ef; then type=ext4 id_at=1128 label_at=1144 label_size=16
  elif begins_with 0 58465342; then type=xfs id_at=32 label_at=108 label_size=12
  elif has "$1" 65600 5f42485266535f4d; then type=btrfs id_at=65568 label_at=65835 label_size=256
  elif begins_with 82 4641543332; then type=vfat id_at=67 label_at=71 label_size=11 # FAT32
  elif begins_with 54 464154; then type=vfat id_at=39 label_at=43 label_size=11 # FAT12, FAT16
  elif begins_with 4086 53574150; then type=swap
  elif begins_with 0 4c554b53babe; then type='encrypted (LUKS)'
  elif begins_with 536 4c564d32; then type=LVM
  elif begins_with 3 4e544653; then type=NTFS
  fi
}
# uuid_of VOLUME: into value
uuid_of() {
  identify "$1"
  value=
  case $type in
  ext4 | xfs | btrfs) value=$(hex "$1" $id_at 16 | sed 's/^\\(........\\)\\(....\\)\\(....\\)\\(....\\)/\\1-\\2-\\3-\\4-/') ;;
  vfat) value=$(hex "$1" $id_at 4 | sed 's/^\\(..\\)\\(..\\)\\(..\\)\\(..\\)$/\\4\\3-\\2\\1/') ;;
  esac
}
label_of() {
  identify "$1"
  value=
  [ -z "$label_at" ] || value=$(dd if="/dev/$1" bs=1 skip=$label_at count=$label_size 2>/dev/null | tr -d '\\0' | sed 's/ *$//')
}
# driver TYPE: the name by which the kernel mounts it, into fs
driver() {
  case $1 in
  ext4 | xfs | btrfs | vfat) fs=$1 ;;
  *) return 1 ;;
  esac
  grep -qw "$fs" /proc/filesystems || modprobe -q "$fs" 2>/dev/null
  grep -qw "$fs" /proc/filesystems
}
`;

/** Looks at every volume, read-only and without replaying a journal, for a root file system. */
const findRoot = `
mkdir -p ${root} ${look}
is_root() {
  [ -d ${look}/etc ] && [ ! -L ${look}/etc ] && { [ -d ${look}/usr ] || [ -d ${look}/bin ]; }
}
system_name() {
  pretty=
  for file in ${look}/usr/lib/os-release ${look}/etc/os-release; do
    [ -f "$file" ] && [ ! -L "$file" ] || continue
    pretty=$(sed -n 's/^PRETTY_NAME=//p' "$file" | head -n 1 | tr -d "\\"'")
    break
  done
}
found=0
for volume in $volumes; do
  place "$volume"
  identify "$volume"
  if ! driver "$type"; then
    tell volume "$place" "$type"
    continue
  fi
  case $fs in
  ext4) options=ro,noload subvolumes=- ;;
  xfs) options=ro,norecovery subvolumes=- ;;
  btrfs) options=ro,rescue=nologreplay subvolumes='- @ @rootfs root' ;;
  *) options=ro subvolumes=- ;;
  esac
  why=
  for subvolume in $subvolumes; do
    suffix=
    [ "$subvolume" = - ] || suffix=,subvol=$subvolume
    said=$(mount -t "$fs" -o "$options$suffix" "/dev/$volume" ${look} 2>&1) || {
      [ "$subvolume" != - ] || why=" that cannot be mounted"
      continue
    }
    if is_root; then
      found=$((found + 1))
      system_name
      tell system "$place" "$pretty"
      root_volume=$volume root_fs=$fs root_suffix=$suffix
      umount ${look}
      break
    fi
    umount ${look}
  done
  tell volume "$place" "$type$why"
done
[ $found = 1 ] || exit 1
`;

/** Mounts the root, and in the order of its fstab what else of the disk belongs to it. */
const mountAll = `
mounted=
# mount_volume VOLUME FS SUFFIX POINT
mount_volume() {
  dmesg -c >/dev/null
  said=$(mount -t "$2" -o "rw,noatime,nosuid,nodev$3" "/dev/$1" "$4" 2>&1) || return 1
  mounted="$4$tab$mounted"
  if dmesg | grep -q -e "EXT4-fs ($1): recovery complete" -e "XFS ($1): Ending recovery" \\
    -e "(device $1[^)]*): start tree-log replay"; then
    place "$1"
    tell replayed "$place"
  fi
}
mount_volume "$root_volume" "$root_fs" "$root_suffix" ${root} ||
  give_up failed "its root file system cannot be mounted: $said"

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
# volume_of SPEC: the volume that an fstab means, into volume
volume_of() {
  case $1 in
  UUID=* | LABEL=* | PARTUUID=* | PARTLABEL=*) key=\${1%%=*} want=\${1#*=} ;;
  /dev/disk/by-uuid/*) key=UUID want=\${1##*/} ;;
  /dev/disk/by-label/*) key=LABEL want=\${1##*/} ;;
  /dev/disk/by-partuuid/*) key=PARTUUID want=\${1##*/} ;;
  /dev/disk/by-partlabel/*) key=PARTLABEL want=\${1##*/} ;;
  /dev/[hsv]da[0-9]* | /dev/xvda[0-9]*) key=number want=\${1##*da} ;;
  /dev/nvme0n1p[0-9]* | /dev/mmcblk0p[0-9]*) key=number want=\${1##*p} ;;
  *) return 1 ;;
  esac
  want=\${want#\\"} want=\${want%\\"}
  for volume in $volumes; do
    case $key in
    PARTUUID) partition_id "$volume" ;;
    PARTLABEL) partition_name "$volume" ;;
    number) number_of "$volume" && value=$number ;;
    UUID) uuid_of "$volume" ;;
    LABEL) label_of "$volume" ;;
    esac
    case $key in *UUID) want=$(lower "$want") value=$(lower "$value") ;; esac
    [ -z "$value" ] || [ "$value" != "$want" ] || return 0
  done
  return 1
}
# mount_entry SPEC POINT TYPE OPTIONS
mount_entry() {
  case $2 in / | *\\\\* | *[!-A-Za-z0-9_./+@]* | */../* | */..) return 0 ;; /*) ;; *) return 0 ;; esac
  case ,$4, in *,noauto,* | *,bind,* | *,rbind,*) return 0 ;; esac
  case $3 in ext[234] | xfs | btrfs | vfat | auto) ;; *) return 0 ;; esac
  if ! volume_of "$1"; then
    tell note "$2 is on $1, which is not on this disk: nothing is done there"
    return 0
  fi
  identify "$volume"
  subvolume=,$4,
  case $subvolume in
  *,subvol=*) subvolume=\${subvolume#*,subvol=} suffix=,subvol=\${subvolume%%,*} ;;
  *) suffix= ;;
  esac
  point=${root}\${2%/}
  # A symlink would lead out of the image.
  if ! driver "$type" || [ "$(readlink -f "$point")" != "$point" ] || [ ! -d "$point" ] ||
    ! mount_volume "$volume" "$fs" "$suffix" "$point"; then
    tell note "$2 of $1 cannot be mounted: nothing is done there"
  fi
}
if [ -f ${root}/etc/fstab ] && [ ! -L ${root}/etc/fstab ]; then
  while read -r spec point type options _; do
    case $spec in '' | '#'*) continue ;; esac
    mount_entry "$spec" "$point" "\${type:-}" "\${options:-}" </dev/null
  done <${root}/etc/fstab
fi

made=
for dir in dev proc; do
  [ ! -L ${root}/$dir ] || give_up failed "its /$dir is a symlink"
  [ -d ${root}/$dir ] || { mkdir ${root}/$dir && made="$made ${root}/$dir"; } ||
    give_up failed "it has no directory /$dir, and none can be made"
done
mount -t tmpfs tmpfs ${root}/dev &&
  cp /usr/bin/busybox ${root}/dev/busybox &&
  mknod -m 666 ${root}/dev/null c 1 3 &&
  mount -t proc proc ${root}/proc || give_up failed "the system cannot be entered"
`;

/** The data disk under its name in the system; as with a copy, the kernel reads far ahead. */
const offerData = `
echo 2048 2>/dev/null >"/sys/block/\${data##*/}/queue/read_ahead_kb"
IFS=: read -r major minor <"/sys/block/\${data##*/}/dev"
mknod -m 600 ${root}/dev/data b "$major" "$minor" || give_up failed "its /dev cannot be filled"
`;

/** What goes wrong in the script is told as it said it, without what mounted it. */
const runScript = `
env -i PATH=/dev LC_ALL=C chroot ${root} /dev/busybox sh /dev/script </dev/null || give_up failed
umount ${root}/proc && umount ${root}/dev || give_up failed "the script has left a process"
[ -z "$made" ] || rmdir $made
`;

const trimAndUnmount = (trim: boolean): string => `
sync
IFS=$tab
for point in $mounted; do
  ${trim ? `fstrim "$point" 2>/dev/null || tell untrimmed "\${point#${root}}/"` : ""}
  umount "$point" || give_up failed "\${point#${root}}/ cannot be unmounted"
done
unset IFS
`;
