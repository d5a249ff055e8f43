/**
 * Shell scripts that offer caches in a POSIX guest, as a directory of its own disk or on one that was plugged in.
 * Pure text.
 */
import { quoteWord } from "../machine/posix-quote.ts";
import { findDisk, noDiskCode, removeDisk, scsiDevice } from "./posix-files.ts";

/** One cache in the guest. */
export interface GuestCache {
  readonly index: number;
  readonly target: string;
}

/** Exit code by which a script says that the file system on a disk cannot be mounted. */
export const damagedDiskCode = 71;

/** Exit code by which a script says that a disk is still in use; it must not be unplugged. */
export const busyDiskCode = 72;

const root = "/.vmbuild";

/** Where the content lives while it is mounted over the target; with a disk, where that is mounted. */
function cacheDir(cache: GuestCache): string {
  return `${root}/cache-${cache.index}`;
}

function madeList(cache: GuestCache): string {
  return `${root}/made-${cache.index}`;
}

/**
 * Fills a cache's directory from the tar stream on standard input (or makes it empty, owned by
 * `owner`) and mounts it over the target. Directories that had to be made for the target are noted,
 * so that {@link detachScript} can take just those away.
 */
export function attachScript(cache: GuestCache, owner: string | undefined): string {
  const content = cacheDir(cache);
  const fill = owner === undefined ? unpack(content) : own(content, owner);
  return [...begin(cache), `mkdir -p ${content}`, fill, ...bindOverTarget(cache, content)].join(
    "\n",
  );
}

/** What a plugged disk is filled with before it is offered. */
export type DiskFill =
  /** Nothing: it has its content. */
  | { readonly kind: "filled" }
  /** An empty directory of these ids. */
  | { readonly kind: "new"; readonly owner: string }
  /** The tar stream that is plugged disk `lun`. */
  | { readonly kind: "disk"; readonly lun: number }
  /** The tar stream on standard input. */
  | { readonly kind: "stdin" };

/**
 * Mounts the plugged disk `lun` and its directory `content` over the target. Fails with {@link noDiskCode} or
 * {@link damagedDiskCode} when nothing of that was done.
 */
export function attachDiskScript(cache: GuestCache, lun: number, fill: DiskFill): string {
  const dir = cacheDir(cache);
  const content = `${dir}/content`;
  const undo = `rmdir ${dir} 2>/dev/null; rmdir ${root} 2>/dev/null`;
  return [
    findDisk("disk", lun),
    ...(fill.kind === "disk" ? [findDisk("tar", fill.lun)] : []),
    `grep -qw ext4 /proc/filesystems || modprobe -q ext4 2>/dev/null || exit ${noDiskCode}`,
    ...begin(cache),
    `mkdir -p ${dir}`,
    `mount -t ext4 -o noatime,discard "$disk" ${dir} || { ${undo}; exit ${damagedDiskCode}; }`,
    ...(fill.kind === "filled"
      ? [
          `if [ ! -d ${content} ] || [ -L ${content} ]; then`,
          `  umount ${dir}; ${undo}; echo "it has no content" >&2; exit ${damagedDiskCode}`,
          `fi`,
        ]
      : [`mkdir ${content}`, diskFill(content, fill)]),
    ...bindOverTarget(cache, content),
  ].join("\n");
}

function diskFill(content: string, fill: Exclude<DiskFill, { kind: "filled" }>): string {
  switch (fill.kind) {
    case "new":
      return own(content, fill.owner);
    case "stdin":
      return unpack(content);
    case "disk":
      return `${unpack(content)} <"$tar"\n${removeDisk(fill.lun)}`;
  }
}

function begin(cache: GuestCache): string[] {
  return [
    "set -e",
    "umask 022",
    `target=${quoteWord(cache.target)}`,
    `mkdir -p ${root}`,
    `chmod 700 ${root}`,
  ];
}

function unpack(content: string): string {
  return `tar -xpf - --numeric-owner -C ${content}`;
}

function own(content: string, owner: string): string {
  return `chown ${owner} ${content} && chmod 755 ${content}`;
}

function bindOverTarget(cache: GuestCache, content: string): string[] {
  return [
    `: >${madeList(cache)}`,
    `if [ -e "$target" ] && [ ! -d "$target" ]; then echo "$target is not a directory" >&2; exit 1; fi`,
    `path=$target`,
    `while [ -n "$path" ] && [ ! -d "$path" ]; do`,
    `  printf '%s\\n' "$path" >>${madeList(cache)}`,
    `  path=\${path%/*}`,
    `done`,
    `mkdir -p -- "$target"`,
    `mount -o bind ${content} "$target" 2>/dev/null || mount --bind ${content} "$target"`,
  ];
}

/** Writes the cache's content, which is on a disk or not, to standard output as a tar stream. */
export function saveScript(cache: GuestCache, onDisk: boolean): string {
  return `tar -cf - -C ${cacheDir(cache)}${onDisk ? "/content" : ""} .`;
}

/**
 * Takes the mount, the content and the directories made for it away again. A process that still
 * holds the mount does not keep it: it is detached lazily.
 */
export function detachScript(cache: GuestCache): string {
  return [
    `target=${quoteWord(cache.target)}`,
    `umount "$target" 2>/dev/null || umount -l "$target" || exit 1`,
    `rm -rf ${cacheDir(cache)} || exit 1`,
    ...removeMade(cache),
    "sync",
    `fstrim / 2>/dev/null`,
    "exit 0",
  ].join("\n");
}

/**
 * As {@link detachScript}, for a disk, which is complete afterwards and may be unplugged. A process that holds it is
 * killed; if that does not help the script fails with {@link busyDiskCode} when it has done the rest.
 *
 * An unmounted file system lives on, unwritten, while anything uses it by another mount or a lazily detached one; its
 * directory below /sys/fs/ext4 tells. So every mount of the disk goes, also those that the step has made.
 */
export function detachDiskScript(cache: GuestCache, lun: number): string {
  const dir = cacheDir(cache);
  return [
    `for block in ${scsiDevice(lun)}/block/*; do disk=\${block##*/}; done`,
    // By it open files are known, below any mount of the disk.
    `device=$(stat -c %d ${dir}/content)`,
    "read -r number </sys/class/block/$disk/dev",
    "while read -r _ _ at _ point _; do",
    // Spaces and the like are octal numbers there (proc(5)).
    '  [ "$at" != "$number" ] || umount -l "$(printf %b "$point")" || exit 1',
    "done </proc/self/mountinfo",
    "code=0",
    "if [ -e /sys/fs/ext4/$disk ]; then",
    "  for process in /proc/[0-9]*; do",
    "    stat -L -c %d $process/cwd $process/root $process/exe $process/fd/* $process/map_files/* 2>/dev/null |",
    '      grep -qx "$device" && kill -9 "${process##*/}"',
    "  done",
    "  tries=100",
    "  while [ -e /sys/fs/ext4/$disk ]; do",
    `    [ "$tries" = 0 ] && code=${busyDiskCode} && break`,
    "    tries=$((tries - 1))",
    "    sleep 0.02",
    "  done",
    // Whoever was killed writes the rest while it ends; a mount waits for that.
    `  [ "$code" = 0 ] && mount -t ext4 -o ro /dev/$disk ${dir} && umount ${dir}`,
    "fi",
    `rmdir ${dir} || exit 1`,
    ...removeMade(cache),
    `[ "$code" = 0 ] && ${removeDisk(lun)}`,
    "sync",
    'exit "$code"',
  ].join("\n");
}

function removeMade(cache: GuestCache): string[] {
  return [
    `while IFS= read -r path; do rmdir -- "$path" 2>/dev/null || break; done <${madeList(cache)}`,
    `rm -f ${madeList(cache)}`,
    `rmdir ${root} 2>/dev/null`,
  ];
}
