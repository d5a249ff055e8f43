/**
 * Who made a temporary entry of the store, told by the entry's name.
 *
 * Node has no `flock`, whose locks the kernel would release with the process. Instead an entry is
 * named after its process, so that there is no moment at which it exists without an owner, and anyone
 * can ask the kernel whether that process still runs. A process id alone would not do, since ids are
 * used again: the start time tells two processes with one id apart, the boot id two boots of the host,
 * and the pid namespace two containers that share a store.
 *
 *     PID-STARTTICKS-BOOTID-PIDNAMESPACE-SERIAL
 */
import { randomBytes } from "node:crypto";
import { readFile, readlink } from "node:fs/promises";
import { errorCode } from "./fs-failure.ts";

/** One process, for all time. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from the boot of the host to the start of the process. */
  readonly startTicks: string;
  /** First 8 hex digits of the kernel's boot id. */
  readonly bootId: string;
  /** Inode number of the pid namespace `pid` counts in. */
  readonly pidNamespace: string;
}

/** Whether a process runs; `unknown` where that cannot be seen, as in another pid namespace. */
export type Liveness = "running" | "ended" | "unknown";

/** The identity of process `pid` as seen from here; undefined when it has ended. */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  const startTicks = await readStartTicks(pid);
  if (startTicks === undefined) {
    return undefined;
  }
  const bootId = (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).slice(0, 8);
  const namespace = await readlink("/proc/self/ns/pid");
  return { pid, startTicks, bootId, pidNamespace: namespace.replace(/\D/g, "") };
}

/** A name for one new entry of this process; no two calls give the same. */
export async function newOwner(): Promise<string> {
  return (await newOwners())();
}

/** As {@link newOwner}, for those who need many. */
export async function newOwners(): Promise<() => string> {
  const identity = await identifyProcess(process.pid);
  if (identity === undefined) {
    throw new Error("Internal error: /proc does not show this process");
  }
  return () => `${formatIdentity(identity)}-${randomBytes(4).toString("hex")}`;
}

/** The process that owns an entry, or undefined when `owner` is not an owner's name. */
export function parseOwner(owner: string): ProcessIdentity | undefined {
  const match = /^(.+)-[0-9a-f]{8}$/.exec(owner);
  return match?.[1] === undefined ? undefined : parseIdentity(match[1]);
}

/** Writes an identity in the form {@link parseIdentity} reads. */
export function formatIdentity(identity: ProcessIdentity): string {
  return [identity.pid, identity.startTicks, identity.bootId, identity.pidNamespace].join("-");
}

/** Reads what {@link formatIdentity} wrote. */
export function parseIdentity(text: string): ProcessIdentity | undefined {
  const [, pid, startTicks, bootId, pidNamespace] =
    /^([1-9]\d{0,9})-(\d+)-([0-9a-f]{8})-(\d+)$/.exec(text) ?? [];
  if (
    pid === undefined ||
    startTicks === undefined ||
    bootId === undefined ||
    pidNamespace === undefined
  ) {
    return undefined;
  }
  return { pid: Number(pid), startTicks, bootId, pidNamespace };
}

/** Asks the kernel whether the process still runs. */
export async function livenessOf(identity: ProcessIdentity): Promise<Liveness> {
  const self = await identifyProcess(process.pid);
  if (self === undefined) {
    return "unknown";
  }
  if (identity.bootId !== self.bootId) {
    return "ended";
  }
  if (identity.pidNamespace !== self.pidNamespace) {
    return "unknown";
  }
  return (await readStartTicks(identity.pid)) === identity.startTicks ? "running" : "ended";
}

/** Field 22 of `/proc/PID/stat`, or undefined when the process has ended, even if nobody has waited for it. */
export function parseStartTicks(stat: string): string | undefined {
  // Field 2 is the program's name in parentheses and may hold spaces and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state] = fields;
  return state === "Z" || state === "X" ? undefined : fields[22 - 3];
}

async function readStartTicks(pid: number): Promise<string | undefined> {
  try {
    return parseStartTicks(await readFile(`/proc/${pid}/stat`, "utf8"));
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOENT" || code === "ESRCH") {
      return undefined;
    }
    // Whoever cannot be looked at for another reason must not be taken for dead.
    throw error;
  }
}
