/**
 * Shell scripts that move files in and out of a POSIX guest. Pure text.
 */
import type { GuestOs } from "../profile/profile.ts";
import { hotPlugTarget } from "../machine/qemu-hot-plug.ts";
import { quoteWord } from "../machine/posix-quote.ts";
import { jobGroup } from "../suspend/agent-script.ts";
import { unpackTar } from "./posix-tar.ts";

/**
 * Prints one `0` or `1` per path, without separators: whether it is a directory already.
 * `[` is a shell builtin, so thousands of paths cost no process.
 */
export function directoryTests(paths: readonly string[]): string {
  const tests = paths.map(
    (path) => `if [ -d ${quoteWord(path)} ]; then printf 1; else printf 0; fi`,
  );
  return `${tests.join("\n")}\n`;
}

/**
 * Unpacks standard input below `/`: modes and numeric owners as the stream has them when run by root.
 */
export function unpackScript(os: GuestOs, asRoot: boolean): string {
  return `${unpackTar(os, asRoot)} -C / && sync`;
}

/** Exit code by which a script says that a disk cannot be used in this guest; nothing was done then. */
export const noDiskCode = 70;

/** As {@link unpackScript}, from the plugged disk `lun` instead. */
export function unpackDiskScript(lun: number, asRoot: boolean): string {
  return [
    findDisk("tar", lun),
    // Under emulation each of these halves the time: the kernel reads 2 MiB ahead, GNU tar takes 1 MiB at a time.
    'echo 2048 2>/dev/null >"/sys/block/${tar##*/}/queue/read_ahead_kb"',
    "export TAR_OPTIONS=--blocking-factor=2048",
    enterCopyGroup,
    `{ ${unpackScript("linux", asRoot)}; } <"$tar"`,
    "code=$?",
    leaveCopyGroup,
    removeDisk(lun),
    "exit $code",
  ].join("\n");
}

const groups = "/sys/fs/cgroup";
const copyGroup = `${groups}/vmbuild-copy`;

/**
 * In a machine that will be saved (it has the agent's control group), what is unpacked may not fill RAM with cached
 * files: they would be saved with it, and to clear them away takes longer than unpacking. Within the limit the kernel
 * uses the same pages again; it costs no time (docs/performance.md).
 */
const enterCopyGroup = `
if [ -d ${groups}/${jobGroup} ]; then
  grep -q memory ${groups}/cgroup.subtree_control || echo +memory >${groups}/cgroup.subtree_control
  mkdir ${copyGroup} && echo 48M >${copyGroup}/memory.max && echo 0 >${copyGroup}/cgroup.procs
fi 2>/dev/null`;

const leaveCopyGroup = `
if [ -d ${copyGroup} ]; then
  echo 0 >${groups}/${jobGroup}/cgroup.procs
  rmdir ${copyGroup}
fi 2>/dev/null`;

/** The directory of a plugged disk; the host's number differs from guest to guest. */
export const scsiDevice = (lun: number) => `/sys/bus/scsi/devices/*:0:${hotPlugTarget}:${lun}`;

/**
 * Puts the device file of a plugged disk into a variable. The kernel finds a disk by itself, or as soon as it has
 * the driver; it makes the device file, too, so that there need be no udev.
 */
export function findDisk(variable: string, lun: number): string {
  return `
find_disk() {
  for block in ${scsiDevice(lun)}/block/*; do
    ${variable}=/dev/\${block##*/}
    # The kernel makes its name before it can be opened.
    [ -b "$${variable}" ] && [ -e "$block" ] && true 2>/dev/null <"$${variable}" && return
  done
  return 1
}
if ! find_disk; then
  [ -d /sys/bus/scsi/drivers/sd ] && [ -d /sys/bus/virtio/drivers/virtio_scsi ] ||
    modprobe -a -q virtio_scsi sd_mod 2>/dev/null
  [ -d /sys/bus/virtio/drivers/virtio_scsi ] || exit ${noDiskCode}
  tries=250
  until find_disk; do
    [ "$tries" = 0 ] && exit ${noDiskCode}
    tries=$((tries - 1))
    sleep 0.02
  done
fi`;
}

/** Makes the kernel forget a disk that is about to be unplugged, and write what it holds of it. */
export function removeDisk(lun: number): string {
  return `for device in ${scsiDevice(lun)}; do echo 1 >"$device/delete"; done`;
}
