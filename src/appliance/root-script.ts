/** What the appliance is told to find a system on a disk's volumes, and to mount it. Pure text, for busybox' shell. */
import { quoteWord } from "../machine/posix-quote.ts";
import { root } from "./volume-script.ts";

/** Where file systems are mounted to be looked at. */
const look = "/run/vmbuild-look";

/** Looks at every volume, read-only and without replaying a journal, for a root file system. */
export function findRoot(wanted: string | undefined): string {
  return `
wanted=${quoteWord(wanted ?? "")}
mkdir -p ${root} ${look}
is_root() {
  if [ "$fs" = ntfs-3g ]; then
    [ -d $look/Windows/System32 ] || [ -d $look/WINDOWS/system32 ]
    return
  fi
  [ -d $look/etc ] && [ ! -L $look/etc ] && { [ -d $look/usr ] || [ -d $look/bin ]; }
}
system_name() {
  pretty=
  if [ "$fs" = ntfs-3g ]; then pretty=Windows; return; fi
  for file in $look/usr/lib/os-release $look/etc/os-release; do
    [ -f "$file" ] && [ ! -L "$file" ] || continue
    while read -r line || [ -n "$line" ]; do
      case $line in PRETTY_NAME=*) ;; *) continue ;; esac
      pretty=\${line#*=}
      pretty=\${pretty#[\\"\\']}
      pretty=\${pretty%[\\"\\']}
      break
    done <"$file"
    break
  done
}
# is_mounted VOLUME POINT: notes it
is_mounted() {
  mounted="$2$tab$mounted"
  key "$1"
  eval "[ -n \\"\\\${point_$key:-}\\" ] || point_$key=\\$2"
}
# Who only reads a clean root needs no other mount of it.
stays() { [ -n "$reading" ] && [ -n "$clean" ] && [ -z "$mounted$bare" ]; }
# Directories have to be made in a bare root.
look=${look} mounted= bare=
[ -z "$reading" ] || look=${root}
found=0 wanted_volume=
if [ -n "$wanted" ]; then
  case $wanted in
  /* | *=*) ;;
  *[!0-9]*) wanted=/dev/$wanted ;;
  *) wanted=/dev/sda$wanted ;;
  esac
  volume_of "$wanted" || { tell impossible; give_up failed "there is no volume $wanted on it"; }
  wanted_volume=$volume
fi
for volume in $volumes; do
  place "$volume"
  identify "$volume"
  # A system's root has symlinks, which FAT has not.
  if [ "$type" = vfat ] || ! driver "$type"; then
    tell volume "$place" "$type"
    continue
  fi
  [ -z "$wanted_volume" ] || [ "$volume" = "$wanted_volume" ] || continue
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
    said=$(mount_as "$fs" "$options$suffix" "$volume" $look) || {
      [ "$subvolume" != - ] || why=" that cannot be mounted"
      continue
    }
    if is_root; then
      found=$((found + 1))
      system_name
      tell system "$place" "$pretty"
      root_volume=$volume root_fs=$fs root_suffix=$suffix
      [ -d $look/dev ] && [ -d $look/proc ] || bare=yes
      if stays; then
        is_mounted "$volume" $look
        look=${look}
      else
        umount $look
      fi
      break
    fi
    umount $look
  done
  tell volume "$place" "$type$why"
done
if [ $found = 0 ] && [ -n "$ntfs" ]; then want_tools NTFS; fi
[ $found = 1 ] || exit 1
`;
}

/** Mounts the root, unless it is, and in the order of its fstab what else of the disk belongs to it. */
export const mountAll = `
# mount_volume VOLUME FS SUFFIX POINT, of an identified volume
mount_volume() {
  how=rw
  # What is freed on the way is given back at once.
  case $trim$reading$2 in ext4 | xfs | btrfs | vfat) how=rw,discard ;; esac
  if [ -n "$clean" ]; then
    [ -z "$reading" ] || [ -n "$bare" ] || how=ro,noload
    said=$(mount_as "$2" "$how,noatime,nosuid,nodev$3" "$1" "$4") || return 1
    is_mounted "$1" "$4"
    return
  fi
  dmesg -c >/dev/null
  said=$(mount_as "$2" "$how,noatime,nosuid,nodev$3" "$1" "$4") || return 1
  case $said in *"read-only mount"*)
    umount "$4"
    return 1
    ;;
  esac
  is_mounted "$1" "$4"
  if dmesg | grep -q -e "EXT4-fs ($1): recovery complete" -e "XFS ($1): Ending recovery" \\
    -e "(device $1[^)]*): start tree-log replay"; then
    place "$1"
    tell replayed "$place"
  fi
}
identify "$root_volume"
if [ -z "$mounted" ] && ! mount_volume "$root_volume" "$root_fs" "$root_suffix" ${root}; then
  case $said in
  *hibernated* | *"Windows cache"*)
    tell impossible
    said='Windows is hibernated on it, or was shut down with fast startup: boot it, and shut it down by "shutdown /s /f /t 0"'
    ;;
  *) said="its root file system cannot be mounted: $said" ;;
  esac
  give_up failed "$said"
fi

left_out='nothing is done there'
[ -z "$reading" ] || left_out='what is there is left out'
# mount_entry SPEC POINT TYPE OPTIONS
mount_entry() {
  case $2 in / | *\\\\* | *[!-A-Za-z0-9_./+@]* | */../* | */..) return 0 ;; /*) ;; *) return 0 ;; esac
  case ,$4, in *,noauto,* | *,bind,* | *,rbind,*) return 0 ;; esac
  case $3 in ext[234] | xfs | btrfs | vfat | auto) ;; *) return 0 ;; esac
  if ! volume_of "$1"; then
    tell note "$2 is on $1, which is not on this disk: $left_out"
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
    tell note "$2 of $1 cannot be mounted: $left_out"
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

/** Tells of every volume what it is, and how full when it is mounted. */
export const describeVolumes = `
for volume in $volumes; do
  place "$volume"
  uuid_of "$volume"
  uuid=$value
  label_of "$volume"
  read -r sectors <"/sys/class/block/$volume/size"
  key "$volume"
  eval "point=\\\${point_$key:-}"
  usage=
  if [ -n "$point" ]; then
    usage=$(stat -f -c '%S %b %f %a' "$point")
    point=\${point#${root}}
    point=\${point:-/}
  fi
  tell filesystem "$place" "$type" "$uuid" "$value" $((sectors * 512)) "$point" "$usage"
done
`;
