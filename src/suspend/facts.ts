/**
 * What a guest keeps in RAM only, as it tells it: lines of text that stay the same while nothing is done.
 */
import type { MachineFailure } from "../machine/failure.ts";
import type { Session } from "../machine/session.ts";
import { failed, ok, type Result } from "../result.ts";
import { jobGroup } from "./agent-script.ts";
import { unreadSettings } from "./facts-script.ts";

/** The most text that is taken from a guest; a Debian 12 has 0.15 MB. */
const longestText = 4 * 2 ** 20;

/** A boot may go on for minutes behind the login. */
const factsTimeoutMs = 300_000;

const settingFact = "sysctl ";
/** How often settings had been written to; absent where the guest cannot tell. */
const writesFact = "writes ";
/** KiB of files that the guest's kernel caches. */
const cachedFact = "cached ";

/** How much more than at the boot a guest may cache; a small step's files stay. */
const moreCachedKiB = 64 * 1024;

/**
 * Reads the guest's facts, sorted, one on a line, after `before`. Settings that were not written to since
 * `baseline`, an earlier answer, are taken from there.
 */
export async function readFacts(
  session: Session,
  signal: AbortSignal,
  { before = "", baseline = "" } = {},
): Promise<Result<string, MachineFailure>> {
  const known = baseline.split("\n");
  const writes = valueOf(known, writesFact) ?? "";
  const cached = valueOf(known, cachedFact);
  const longestCached = cached === undefined ? "" : Number(cached) + moreCachedKiB;
  const chunks: [out: Buffer[], err: Buffer[]] = [[], []];
  let bytes = 0;
  const collect = (output: Buffer[]) => (chunk: Buffer) => {
    if (bytes < longestText) output.push(Buffer.from(chunk));
    bytes += chunk.length;
  };
  const ended = await session.exec({
    command: `${before}facts "${writes}" ${longestCached}`,
    signal,
    timeoutMs: factsTimeoutMs,
    onStdout: collect(chunks[0]),
    onStderr: collect(chunks[1]),
  });
  if (!ended.ok) return failed(ended.error);
  if (ended.value.kind === "timed-out") {
    const message = "the guest does not tell its state";
    return failed({ reason: "connection-lost", cause: "ssh-closed", message, serialTail: "" });
  }
  const lines = chunks.flatMap((output) => Buffer.concat(output).toString("latin1").split("\n"));
  const facts = new Set(lines.flatMap(factOf));
  if (lines.includes(unreadSettings)) {
    for (const fact of known) {
      if (fact.startsWith(settingFact) && !readAnyway.test(fact)) facts.add(fact);
    }
  }
  return ok([...facts].sort().join("\n"));
}

/** Settings that change in other ways than by a write to their file, sethostname(2). */
const readAnyway = /^sysctl kernel\/(host|domain)name=/;

function valueOf(facts: readonly string[], kind: string): string | undefined {
  return facts.find((fact) => fact.startsWith(kind))?.slice(kind.length);
}

/** True of what tells how to read facts and is none itself. */
export function isGauge(fact: string): boolean {
  return fact.startsWith(writesFact) || fact.startsWith(cachedFact);
}

/** `facts` with the count of writes that `later` has. */
export function withWritesOf(facts: string, later: string): string {
  const writes = valueOf(later.split("\n"), writesFact);
  const rest = facts.split("\n").filter((fact) => !fact.startsWith(writesFact));
  return (writes === undefined ? rest : [...rest, writesFact + writes]).join("\n");
}

/** One line of the guest's text as a fact; none for noise. */
function factOf(line: string): string[] {
  const [, gauge, value] = /^(writes|cached):(\d+)$/.exec(line) ?? [];
  if (gauge !== undefined) return [`${gauge} ${value}`];
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
  /^\/proc\/sys\/(kernel\/(random\/|ns_last_pid|pty\/nr|perf_event_max_sample_rate|tainted)|fs\/(dentry-state|inode-|file-nr|aio-nr|quota|mqueue\/)|net\/netfilter\/nf_conntrack_count|net\/.*stable_secret|vm\/(stat_refresh|drop_caches|compact_memory)$)/;
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
    case "/etc/passwd":
      return text.startsWith("root:") ? [`login ${text}`] : [];
    case "/etc/group": {
      const members = text.split(":")[3] ?? "";
      return members.split(",").includes("root") ? [`login group ${text.split(":")[0]}`] : [];
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
  const isOurs = /^(grep|sh|find|stat|sync|dd|modprobe|vmbuild-agent)$/.test(name);
  const isKernels = (Number(fields[6]) & kernelThread) !== 0;
  // A process that is dead is no process, though init has not noticed yet.
  const isDead = fields[0] === "Z" || fields[0] === "X";
  return isOurs || isKernels || isDead ? [] : [`process ${name}`];
}

function factOfGroup(path: string): string[] {
  const isNoise = path.includes(`/${jobGroup}`) || /\/(user\.slice|init\.scope)(\/|$)/.test(path);
  return isNoise ? [] : [`group ${path}`];
}
