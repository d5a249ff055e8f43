import { createHash } from "node:crypto";
import { readFile, realpath, stat } from "node:fs/promises";
import { basename } from "node:path";
import type { MachineConfig } from "../machine/machine.ts";
import { qemuArgv } from "../machine/qemu-argv.ts";
import { type BootFile, bootFiles, mapBootFiles } from "../profile/boot-files.ts";
import type { Profile } from "../profile/profile.ts";
import { agentScript } from "./agent.ts";

/**
 * What must be the same for a suspended machine to go on: another QEMU, other devices, other memory or
 * another processor would make of its state something that never was.
 */
export interface Fingerprint {
  /** QEMU's own version, from its monitor's greeting. */
  readonly qemuVersion: string;
  /** The program file: what it is, without running it. */
  readonly program: string;
  /**
   * SHA-256 of the command line, with names and sizes in the place of paths, so that a store may be moved, and without
   * the network's limits.
   */
  readonly machine: string;
  /** Under KVM the host's processor, which the guest sees; empty under TCG. */
  readonly processor: string;
  /** SHA-256 of the agent that runs in the guest, which must understand this vmbuild. */
  readonly agent: string;
}

/** All of a fingerprint that is known before QEMU is started. */
export type HostFingerprint = Omit<Fingerprint, "qemuVersion">;

/** The fingerprint of a machine of this configuration, run by the program at `programPath`. */
export async function hostFingerprint(
  config: MachineConfig,
  programPath: string,
): Promise<HostFingerprint> {
  const path = await realpath(programPath);
  const { size, mtimeMs } = await stat(path);
  return {
    program: `${path} ${size} ${mtimeMs}`,
    machine: sha256(machineLine({ ...config, profile: await withoutPaths(config.profile) })),
    processor: config.accelerator === "kvm" ? await hostProcessor() : "",
    agent: sha256(agentScript(config.profile.arch)),
  };
}

/** What differs between two fingerprints, for a person; undefined when nothing does. */
export function difference(saved: Fingerprint, now: Partial<Fingerprint>): string | undefined {
  if (now.program !== undefined && now.program !== saved.program) return "QEMU is another one";
  if (now.qemuVersion !== undefined && now.qemuVersion !== saved.qemuVersion) {
    return `QEMU is ${now.qemuVersion}, it was ${saved.qemuVersion}`;
  }
  if (now.machine !== undefined && now.machine !== saved.machine) {
    return "the machine is made in another way (memory, CPUs, devices or firmware)";
  }
  if (now.processor !== undefined && now.processor !== saved.processor) {
    return "the host has another processor";
  }
  if (now.agent !== undefined && now.agent !== saved.agent) {
    return "it was saved by another version of vmbuild";
  }
  return undefined;
}

/** The same with boot files as their names and sizes tell them; a store's are named by their content. */
async function withoutPaths(profile: Profile): Promise<Profile> {
  const names = new Map<BootFile, string>();
  for (const [file, path] of bootFiles(profile)) {
    // QEMU will tell of a missing one.
    const size = (await stat(path).catch(() => undefined))?.size;
    names.set(file, `${basename(path)} ${size}`);
  }
  return mapBootFiles(profile, (file, path) => names.get(file) ?? path);
}

/** The command line with the same names for what differs from run to run. */
function machineLine(config: MachineConfig): string {
  const argv = qemuArgv(
    { ...config, diskPath: "disk", serialLogPath: "serial", ramPath: "ram", network: false },
    {
      qmpPath: "qmp",
      agent: { controlPath: "control", dataPath: "data", errorPath: "errors" },
      incomingPath: "incoming",
    },
  );
  return JSON.stringify(argv);
}

async function hostProcessor(): Promise<string> {
  const lines = (await readFile("/proc/cpuinfo", "utf8")).split("\n");
  const known = lines.filter((line) =>
    /^(model name|flags|microcode|Features|CPU part)/.test(line),
  );
  return sha256([...new Set(known)].join("\n"));
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
