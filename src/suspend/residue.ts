/**
 * What a step leaves in the guest's RAM only: mounts, kernel settings, running services, files on a tmpfs.
 * None of it is part of a layer, so a machine that holds some may not go on to the next step; only what can
 * be taken away again is. The guest tells its state as text, and the host compares it with that of the
 * machine as it was when it had booted.
 */
import type { MachineFailure } from "../machine/failure.ts";
import type { Session } from "../machine/session.ts";
import { failed, ok, type Result } from "../result.ts";
import { jobGroup } from "./agent-script.ts";

/** Waits for the end of the boot, where init is systemd; services that start later would be residue. */
export const settleScript = `
if [ -d /run/systemd/system ]; then timeout 120 systemctl is-system-running --wait >/dev/null 2>&1; fi
`;

/** Loads the drivers that a disk plugged in later needs, and those that come with it; later they would be residue. */
export const diskDriversScript = "modprobe -a -q virtio_scsi sd_mod sg ext4 2>/dev/null\n";

/**
 * Files of kernel settings (sysctl). Those of single network interfaces and neighbour tables are left out:
 * they are most of what there is, and reading them takes longer than the rest together. So is
 * `fs/binfmt_misc`, which looking at it may mount.
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

/** Files on the disk that a boot applies: what a step changes there takes effect with the next one. */
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

const factsName = "facts";

/**
 * The shell function by which the guest tells its state. As few processes as can be: starting one takes longer than all it reads, under
 * emulation.
 */
export const residueFunction = `
${factsName}() {
export LC_ALL=C
if [ -d /run/systemd/system ]; then
  grep -s '' /proc/self/mountinfo /proc/modules /proc/swaps /proc/partitions /proc/sysvipc/* ${settings}
  find /sys/fs/cgroup /run /dev/shm ${bootFiles.join(" ")} ${bootDirectories.join(" ")} -xdev \
    \\( -path '/sys/*' -type d -printf 'group:%p\\n' \\) -o \
    \\( -path '/sys/*' \\) -o \
    \\( ${anyPath(noisyDirectories)} -prune \\) -o \
    \\( ${anyPath(bootDirectories)} -prune -printf 'boot:%y%m %s %C@ %i %p\\n' \\) -o \
    \\( \\( -path '/run*' -o -path '/dev/*' \\) -printf 'tmpfs:%y%m %s %T@ %i %p\\n' \\) -o \
    -printf 'boot:%y%m %s %C@ %i %p\\n'
else
  grep -s '' /proc/self/mountinfo /proc/modules /proc/swaps /proc/partitions /proc/sysvipc/* ${settings} \
    /proc/[0-9]*/stat
  find /run /dev/shm -xdev -exec stat -c 'tmpfs:%f %s %Y %i %n' {} +
  find ${bootFiles.join(" ")} -exec stat -c 'boot:%f %s %Z %i %n' {} +
fi 2>/dev/null
sync
}
`;

/** The most text that is taken from a guest; a Debian 12 has 0.15 MB. */
const longestText = 4 * 2 ** 20;

/** A boot may go on for minutes behind the login. */
const residueTimeoutMs = 300_000;

/** Reads the guest's state, after `before`; the text is for {@link compareResidue}. */
export async function readResidue(
  session: Session,
  signal: AbortSignal,
  before = "",
): Promise<Result<string, MachineFailure>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const ended = await session.exec({
    command: `${before}${factsName}`,
    signal,
    timeoutMs: residueTimeoutMs,
    onStdout(chunk) {
      if (bytes < longestText) chunks.push(Buffer.from(chunk));
      bytes += chunk.length;
    },
  });
  if (!ended.ok) return failed(ended.error);
  if (ended.value.kind === "timed-out") {
    const message = "the guest does not tell its state";
    return failed({ reason: "connection-lost", cause: "ssh-closed", message, serialTail: "" });
  }
  const lines = Buffer.concat(chunks).toString("latin1").split("\n");
  return ok([...new Set(lines.flatMap(factOf))].sort().join("\n"));
}

/** How a machine differs from what it was when it had booted. */
export interface Residue {
  /** Files on a tmpfs that were not there; to be removed. */
  readonly newFiles: readonly string[];
  /** What cannot be undone, for a person; the machine may not be used any more. */
  readonly changes: readonly string[];
}

/** Compares two texts of {@link readResidue}. */
export function compareResidue(baseline: string, now: string): Residue {
  const before = new Set(baseline.split("\n"));
  const after = new Set(now.split("\n"));
  const added = [...after].filter((fact) => !before.has(fact));
  const gone = [...before].filter((fact) => !after.has(fact));
  const oldFiles = new Set([...before].flatMap((fact) => tmpfsPath(fact) ?? []));
  const newFiles: string[] = [];
  const changes: string[] = [];
  for (const fact of added) {
    const path = tmpfsPath(fact);
    if (path !== undefined && !oldFiles.has(path)) newFiles.push(path);
    else changes.push(describe(fact));
  }
  for (const fact of gone) {
    if (!fact.startsWith("module ")) changes.push(describe(fact));
  }
  return { newFiles, changes: [...new Set(changes)] };
}

function tmpfsPath(fact: string): string | undefined {
  return /^tmpfs \S+ (.*)$/.exec(fact)?.[1];
}

function describe(fact: string): string {
  const [kind, ...rest] = fact.split(" ");
  const text = rest.join(" ");
  switch (kind) {
    case "mount":
      return `the mount ${rest[0]}`;
    case "sysctl":
      return `the kernel setting ${text.split("=", 1)[0]}`;
    case "group":
      return `the service ${text.split("/").at(-1)}`;
    case "process":
      return `the process ${text}`;
    case "tmpfs":
      return `the file ${text.slice(text.indexOf(" ") + 1)}`;
    case "boot":
      return `${text.slice(text.lastIndexOf(" ") + 1)}, which a boot applies`;
    case "module":
      return `the kernel module ${text}`;
    default:
      return text;
  }
}

/** One line of the guest's text as a fact that stays the same while nothing is done; none for noise. */
function factOf(line: string): string[] {
  const [, path, text] = /^(\/[^:]*):(.*)$/.exec(line) ?? [];
  if (path !== undefined && text !== undefined) return factOfFile(path, text);
  if (line.startsWith("group:")) return factOfGroup(line.slice("group:".length));
  const [, kind, mode, size, time, inode, name] =
    /^(tmpfs|boot):(\S+) (\d+) ([\d.]+) (\d+) (.*)$/.exec(line) ?? [];
  if (kind === undefined || mode === undefined || name === undefined) return [];
  if (kind === "boot") return [`boot ${mode},${size},${time},${inode} ${name}`];
  if (noisyFiles.test(name)) return [];
  // `d` of find, 4 as the first digit of stat. Its time and size change with what is in it, and that is
  // listed by itself.
  const isDirectory = /^[d4]/.test(mode);
  return [isDirectory ? `tmpfs ${mode} ${name}` : `tmpfs ${mode},${size},${time},${inode} ${name}`];
}

const noisyFiles =
  /^\/run\/(systemd|udev|log|user|dbus|lock|mount|utmp|initctl|motd\.dynamic|sshd\.pid|cloud-init|blkid|network|tmpfiles\.d)(\/|$)/;
const noisySettings =
  /^\/proc\/sys\/(kernel\/(random\/|ns_last_pid|pty\/nr|perf_event_max_sample_rate|tainted)|fs\/(dentry-state|inode-|file-nr|aio-nr|quota|mqueue\/)|net\/netfilter\/nf_conntrack_count|net\/.*stable_secret|vm\/stat_refresh)/;
/** Modules that change nothing a step could see but that they are loaded. */
const harmlessModules =
  /^(ext[234]|xfs|btrfs|vfat|fat|isofs|squashfs|overlay|nls_.*|crc.*|libcrc32c|.*hash.*|xor|raid6_pq|zstd_.*|lz.*|mbcache|jbd2|fuse|autofs4|af_packet|binfmt_misc|configfs|virtio.*|crypto_.*|algif_.*|af_alg|.*_generic|aes.*|sha.*|xts|cbc|tls|rng_core|ip_tables|x_tables)$/;

function factOfFile(path: string, text: string): string[] {
  if (path.startsWith("/proc/sys/")) {
    if (noisySettings.test(path)) return [];
    return [`sysctl ${path.slice("/proc/sys/".length)}=${text.trim()}`];
  }
  switch (path) {
    case "/proc/self/mountinfo": {
      // Without the ids, and without the groups in which mounts are propagated (proc(5)).
      const [, , device, root, point, options, ...rest] = text.split(" ");
      if (point === "/proc/sys/fs/binfmt_misc") return [];
      const dash = rest.indexOf("-");
      return [`mount ${point} ${device} ${root} ${options} ${rest.slice(dash + 1).join(" ")}`];
    }
    case "/proc/modules": {
      const name = text.split(" ", 1)[0] ?? "";
      return harmlessModules.test(name) ? [] : [`module ${name}`];
    }
    case "/proc/swaps":
    case "/proc/partitions":
      return [`disk ${text.replaceAll(/\s+/g, " ").trim()}`];
    default:
      break;
  }
  if (path.startsWith("/proc/sysvipc/")) return [`ipc ${text.replaceAll(/\s+/g, " ").trim()}`];
  if (path.endsWith("/stat")) return factOfProcess(text);
  return [];
}

/** PF_KTHREAD of `include/linux/sched.h`. */
const kernelThread = 0x20_0000;

function factOfProcess(stat: string): string[] {
  const name = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const isOurs = /^(grep|sh|find|stat|sed|modprobe|vmbuild-agent)$/.test(name);
  const isKernels = (Number(fields[6]) & kernelThread) !== 0;
  return isOurs || isKernels ? [] : [`process ${name}`];
}

function factOfGroup(path: string): string[] {
  const isNoise = path.includes(`/${jobGroup}`) || /\/(user\.slice|init\.scope)(\/|$)/.test(path);
  return isNoise ? [] : [`group ${path}`];
}
