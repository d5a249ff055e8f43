/**
 * Settings that may come from a flag, the environment, or `vmbuild.toml`, in this order.
 */
import { parseDurationMs } from "../spec/duration.ts";
import { exactByteSize, MIN_MEMORY_BYTES, parseByteSize } from "../profile/byte-size.ts";
import { exitCode } from "./exit-code.ts";
import { UserError } from "./user-error.ts";

/** What a build may be told besides its spec. Absent means: as the profile or the default says. */
export interface Settings {
  /** Directory of the store, as it was given. */
  readonly store?: string;
  readonly memoryBytes?: number;
  readonly cpus?: number;
  readonly accelerator?: "auto" | "kvm" | "tcg";
  readonly bootTimeoutMs?: number;
  readonly diskSizeBytes?: number;
  /** Whether steps go on with suspended machines. */
  readonly boot?: "warm" | "cold";
  /** Bytes that suspended machines may take. */
  readonly warmBudgetBytes?: number;
  /** Machines that may run at once. */
  readonly jobs?: number;
  /** Bytes kept of a step's output. */
  readonly logLimitBytes?: number;
}

/** Every setting: its key in `vmbuild.toml`, its environment variable, and how its text is read. */
export const settingTable = {
  store: { key: "store", variable: "VMBUILD_STORE", read: readStore },
  memoryBytes: { key: "memory", variable: "VMBUILD_MEMORY", read: readMemory },
  cpus: { key: "cpus", variable: "VMBUILD_CPUS", read: readCount },
  accelerator: { key: "accelerator", variable: "VMBUILD_ACCELERATOR", read: readAccelerator },
  bootTimeoutMs: { key: "boot-timeout", variable: "VMBUILD_BOOT_TIMEOUT", read: readDuration },
  diskSizeBytes: { key: "disk-size", variable: "VMBUILD_DISK_SIZE", read: readSize },
  boot: { key: "boot", variable: "VMBUILD_BOOT", read: readBoot },
  warmBudgetBytes: { key: "warm-budget", variable: "VMBUILD_WARM_BUDGET", read: readSize },
  jobs: { key: "jobs", variable: "VMBUILD_JOBS", read: readCount },
  logLimitBytes: { key: "log-limit", variable: "VMBUILD_LOG_LIMIT", read: readSize },
} as const satisfies Record<
  keyof Settings,
  { key: string; variable: string; read: (text: string, from: string) => unknown }
>;

/** Reads the settings of the environment. @throws UserError that names the variable. */
export function settingsOfEnvironment(env: NodeJS.ProcessEnv): Settings {
  const settings: Record<string, unknown> = {};
  for (const [name, { variable, read }] of Object.entries(settingTable)) {
    const text = env[variable];
    if (text !== undefined && text !== "") settings[name] = read(text, variable);
  }
  return settings;
}

/** The settings that were given, as optional flags give them. */
export function givenSettings(flags: {
  readonly [Name in keyof Settings]: Settings[Name] | undefined;
}): Settings {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
}

/** Settings of which the first that says something wins. */
export function mergeSettings(...sources: readonly Settings[]): Settings {
  return Object.assign({}, ...sources.toReversed()) as Settings;
}

/** A store as OBuilder writes it (`qemu:DIR`) or as a plain directory. */
export function readStore(text: string, from: string): string {
  const expected = "a directory or qemu:DIRECTORY";
  const kind = /^([a-z]+):/.exec(text)?.[1];
  if (kind !== undefined && kind !== "qemu") {
    throw wrong(from, text, expected, `vmbuild has no ${kind} store`);
  }
  const dir = kind === undefined ? text : text.slice("qemu:".length);
  if (dir === "") throw wrong(from, text, expected, "the current directory is called .");
  return dir;
}

/** A size such as `512M` or `2G`. */
export function readSize(text: string, from: string): number {
  const bytes = parseByteSize(text);
  if (bytes === undefined || bytes <= 0) throw wrong(from, text, "a size such as 512M or 2G");
  return bytes;
}

/** A size in which something can boot. */
export function readMemory(text: string, from: string): number {
  return enoughMemory(readSize(text, from), text, from);
}

/** OBuilder's memory flag counts in GB; a unit is taken as it is. */
export function readGigabytes(text: string, from: string): number {
  const bytes = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1024 ** 3 : readSize(text, from);
  return enoughMemory(bytes, text, from);
}

function enoughMemory(bytes: number, text: string, from: string): number {
  if (bytes >= MIN_MEMORY_BYTES) return bytes;
  const smallest = exactByteSize(MIN_MEMORY_BYTES);
  const why = `a number without a unit is bytes; did you mean ${text}${Number(text) < 64 ? "G" : "M"}?`;
  throw wrong(
    from,
    text,
    `a machine's memory, which is at least ${smallest}`,
    Number(text) === bytes && bytes > 0 ? why : undefined,
  );
}

/** A whole number from 1. */
export function readCount(text: string, from: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > 1024) {
    throw wrong(from, text, "a whole number from 1 to 1024");
  }
  return count;
}

/** A time such as `90s` or `2m`. */
export function readDuration(text: string, from: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined || ms <= 0) throw wrong(from, text, "a time such as 90s or 2m");
  return ms;
}

export function readAccelerator(text: string, from: string): "auto" | "kvm" | "tcg" {
  if (text === "auto" || text === "kvm" || text === "tcg") return text;
  throw wrong(from, text, "auto, kvm or tcg");
}

export function readBoot(text: string, from: string): "warm" | "cold" {
  if (text === "warm" || text === "cold") return text;
  throw wrong(from, text, "warm or cold");
}

function wrong(from: string, text: string, expected: string, why?: string): UserError {
  return new UserError(`${from}: ${JSON.stringify(text)} is not ${expected}`, {
    exitCode: exitCode.usage,
    ...(why === undefined ? {} : { hint: why }),
  });
}
