/**
 * What a guest is asked to tell of itself: shell functions that are sent once, at the boot, as few processes
 * as can be, because starting one takes longer than all it reads, under emulation.
 */

/** Waits for the end of the boot, where init is systemd; services that start later would be residue. */
export const settleScript = `
if [ -d /run/systemd/system ]; then timeout 120 systemctl is-system-running --wait >/dev/null 2>&1; fi
`;

/** Loads the drivers that a disk plugged in later needs, and those that come with it; later they would be residue. */
export const diskDriversScript = "modprobe -a -q virtio_scsi sd_mod sg ext4 2>/dev/null\n";

/**
 * Files of kernel settings (sysctl), read only when one was written to. Those of single network interfaces
 * and neighbour tables are left out, since they are most of what there is; so is `fs/binfmt_misc`, which
 * looking at it may mount.
 */
const settings = [
  "kernel/*",
  "vm/*",
  "fs/[!b]*",
  "net/core/*",
  "net/ipv4/*",
  "net/ipv4/conf/all/*",
  "net/ipv6/conf/all/*",
]
  .map((files) => `/proc/sys/${files}`)
  .join(" ");

/** Files on the disk that a boot or a login applies: what a step changes there counts from the next one on. */
const bootFiles = [
  "/etc/systemd",
  "/etc/init.d",
  "/etc/rc.local",
  "/etc/inittab",
  "/etc/fstab",
  "/etc/crypttab",
  "/etc/hostname",
  "/etc/modules",
  "/etc/modules-load.d",
  "/etc/modprobe.d",
  "/etc/sysctl.conf",
  "/etc/sysctl.d",
  "/etc/tmpfiles.d",
  "/etc/udev",
  "/etc/network",
  "/etc/netplan",
  "/etc/environment",
  "/etc/pam.d",
  "/etc/security",
];

/** Directories that a boot applies; what is in them changes by packages only, and the directory with it. */
const bootDirectories = [
  "/usr/lib/systemd/system",
  "/lib/systemd/system",
  "/usr/lib/sysctl.d",
  "/usr/lib/tmpfiles.d",
  "/usr/lib/modules-load.d",
  "/usr/lib/udev/rules.d",
  "/lib/udev/rules.d",
];

/** Directories on a tmpfs that change by themselves and hold nothing a step would look for. */
const noisyDirectories = ["/run/systemd", "/run/udev", "/run/log", "/run/user"];

const anyPath = (paths: readonly string[]) =>
  `\\( ${paths.map((path) => `-path ${path}`).join(" -o ")} \\)`;

/** Always read: mounts, modules, disks, System V objects, and what root's login depends on. */
const tables =
  "/proc/self/mountinfo /proc/modules /proc/swaps /proc/partitions /proc/sysvipc/* /etc/passwd /etc/group";

/** What is told in the place of settings that were not written to. */
export const unreadSettings = "settings:unread";

/** Where the kernel counts the writes to settings, see {@link watchScript}. */
const tracing = "/sys/kernel/tracing";

/**
 * What makes the kernel quicker for us.
 *
 * It counts every write to a setting (Documentation/trace/kprobetrace), so that the three hundred files need
 * not be read after each step; where it cannot, they are. And it does not wait for the next tick of every
 * processor when a process moves to another control group or a filesystem is synced
 * (Documentation/RCU, `rcu_expedited`): 20 ms less for each, under emulation.
 */
export const hastenScript = `{
echo 1 >/sys/kernel/rcu_expedited
[ -e ${tracing}/kprobe_events ] || mount -t tracefs tracefs ${tracing}
mkdir ${tracing}/instances/vmbuild &&
  echo 4 >${tracing}/instances/vmbuild/buffer_size_kb &&
  echo p:vmbuild/settings proc_sys_write >>${tracing}/kprobe_events &&
  echo 1 >${tracing}/instances/vmbuild/events/vmbuild/settings/enable
} >/dev/null 2>&1
`;

/** What is left of the free RAM when it is filled, so that nothing is short of it meanwhile. */
const spareKiB = 48 * 1024;

/**
 * `facts WRITES CACHED` tells the guest's state, on both outputs, and flushes its filesystems. Settings are
 * told unless they were written to WRITES times, as at the boot.
 *
 * When the kernel caches more than CACHED KiB of files, they are dropped, and what is free of the RAM is filled with
 * zeros: it would be stored with the machine, and loaded with it, since pages that are only freed keep what is in them.
 */
export const factsFunction = `
facts() {
export LC_ALL=C
writes=
while read -r name count _; do
  [ "$name" != settings ] || writes=$count
done 2>/dev/null <${tracing}/kprobe_profile
while read -r name cached _ && [ "$name" != Cached: ]; do :; done </proc/meminfo
too_much=$((cached - \${2:-$cached}))
if [ "$too_much" -gt 0 ]; then
  {
    sync
    echo 3 >/proc/sys/vm/drop_caches
    while read -r name free _ && [ "$name" != MemFree: ]; do :; done </proc/meminfo
    dd if=/dev/zero of=/dev/null bs=$((free - ${spareKiB}))k count=1
  } 2>/dev/null &
  echo "writes:\${writes:+$((writes + 1))}"
else
  sync &
  echo "writes:$writes"
fi
echo "cached:$cached"
if [ -n "$writes" ] && [ "$writes" = "$1" ]; then
  echo ${unreadSettings}
  set -- /proc/sys/kernel/hostname /proc/sys/kernel/domainname
else
  set -- ${settings}
fi
if [ -d /run/systemd/system ]; then
  grep -s '' ${tables} "$@" >&2 2>/dev/null &
  find /sys/fs/cgroup /run /dev/shm ${bootFiles.join(" ")} ${bootDirectories.join(" ")} -xdev \\
    \\( -path '/sys/*' -type d -printf 'group:%p\\n' \\) -o \\
    \\( -path '/sys/*' \\) -o \\
    \\( ${anyPath(noisyDirectories)} -prune \\) -o \\
    \\( ${anyPath(bootDirectories)} -prune -printf 'boot:%y%m %s %C@ %i %p\\n' \\) -o \\
    \\( \\( -path '/run*' -o -path '/dev/*' \\) -printf 'tmpfs:%y%m %s %T@ %i %p\\n' \\) -o \\
    -printf 'boot:%y%m %s %C@ %i %p\\n' 2>/dev/null
else
  grep -s '' ${tables} "$@" \\
    /proc/[0-9]*/stat >&2 2>/dev/null &
  find /run /dev/shm -xdev -exec stat -c 'tmpfs:%f %s %Y %i %n' {} + 2>/dev/null
  find ${bootFiles.join(" ")} -exec stat -c 'boot:%f %s %Z %i %n' {} + 2>/dev/null
fi
wait
}
`;
