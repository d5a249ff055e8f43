/**
 * UEFI firmware of the host, found by QEMU's firmware descriptors (QEMU, `docs/interop/firmware.json`): JSON files, each
 * of which tells of one firmware where its files are, which machines it is for and what it can do.
 */
import { readdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import type { GuestArch } from "../profile/profile.ts";
import { failed, ok, type Result } from "../result.ts";
import type { MachineFailureOf } from "./failure.ts";
import { parseDescriptor, type FirmwareDescriptor } from "./firmware-descriptor.ts";

/** A machine that firmware is looked for. */
export interface FirmwareRequest {
  readonly arch: GuestArch;
  /** `-M`, with or without options. */
  readonly machine: string;
  /** Only the firmware whose code this file is. */
  readonly codePath?: string;
}

/** A UEFI firmware for machines of a kind. */
export type UefiImages = Pick<FirmwareDescriptor, "code" | "variables">;

/** The Debian package that has UEFI firmware for an architecture. */
export function firmwarePackage(arch: GuestArch): string {
  return arch === "x86_64" ? "ovmf" : "qemu-efi-aarch64";
}

/** Where descriptors are, those that go before others first. */
export function firmwareDirs(env: NodeJS.ProcessEnv = process.env): readonly string[] {
  const config = env["XDG_CONFIG_HOME"] || path.join(env["HOME"] || homedir(), ".config");
  return [
    path.join(config, "qemu", "firmware"),
    "/etc/qemu/firmware",
    "/usr/local/share/qemu/firmware",
    "/usr/share/qemu/firmware",
  ];
}

/**
 * The UEFI firmware that the host's descriptors rank first for the machine, of those that boot any image: without
 * secure boot, enrolled keys or a need for system management mode.
 */
export async function findUefi(
  { arch, machine, codePath }: FirmwareRequest,
  dirs: readonly string[] = firmwareDirs(),
): Promise<Result<UefiImages, MachineFailureOf<"firmware-missing">>> {
  for (const file of await descriptorFiles(dirs)) {
    const text = await readFile(file, "utf8").catch(() => "");
    const descriptor = parseDescriptor(text);
    if (descriptor === undefined || !descriptor.isPlainUefi) continue;
    if (!descriptor.fits(arch, canonicalMachine(machine))) continue;
    if (codePath !== undefined && descriptor.code.path !== codePath) continue;
    return ok(descriptor);
  }
  const debianPackage = firmwarePackage(arch);
  return failed({ reason: "firmware-missing", arch, machine, debianPackage });
}

/**
 * The descriptors in the order of their names. One hides those of the same name in later directories, also when it is
 * empty, which is how an administrator takes one away.
 */
async function descriptorFiles(dirs: readonly string[]): Promise<readonly string[]> {
  const files = new Map<string, string>();
  for (const dir of dirs) {
    const names = await readdir(dir).catch(() => []);
    for (const name of names) {
      if (name.endsWith(".json") && !files.has(name)) files.set(name, path.join(dir, name));
    }
  }
  const byName = [...files].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return byName.map(([, file]) => file);
}

/** Descriptors name machines with their versions (`pc-q35-*`); people use the short names. */
function canonicalMachine(machine: string): string {
  const name = machine.split(",", 1)[0] ?? "";
  const aliases: Readonly<Record<string, string>> = {
    pc: "pc-i440fx-latest",
    q35: "pc-q35-latest",
    virt: "virt-latest",
  };
  return aliases[name] ?? name;
}
