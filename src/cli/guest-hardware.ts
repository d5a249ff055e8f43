import { resolve } from "node:path";
import type { BuildEnvironment } from "../build/environment.ts";
import type { Accelerator } from "../machine/accelerator.ts";
import type { GuestConfig } from "../machine/guest.ts";
import type { MachineBoot } from "../machine/qemu-boot.ts";
import { uefiFor } from "../machine/uefi.ts";
import { UEFI_CODE_PATHS } from "../profile/default-profile.ts";
import type { Profile } from "../profile/profile.ts";
import { exitCode } from "./exit-code.ts";
import { orThrow } from "./or-throw.ts";
import { UserError } from "./user-error.ts";

/** What flags say of a guest's machine; absent means as its profile says. */
export interface HardwareFlags {
  /** `-M`. */
  readonly machine?: string | undefined;
  /** `-cpu`; `host` means the default where the host's cannot be had. */
  readonly cpu?: string | undefined;
  /** `bios`, `uefi` or a file. */
  readonly firmware?: string | undefined;
}

/** What a guest's machine consists of, apart from its disks and what leads out of it. */
export type GuestHardware = Pick<
  GuestConfig,
  | "os"
  | "arch"
  | "machine"
  | "boot"
  | "diskBus"
  | "memoryBytes"
  | "cpus"
  | "accelerator"
  | "cpuModel"
>;

/**
 * Puts a guest's machine together. `workDir` gets the copy of its UEFI variables.
 *
 * @throws UserError
 */
export async function guestHardware(
  profile: Profile,
  flags: HardwareFlags,
  env: Pick<BuildEnvironment, "resources">,
  { workDir, signal }: { readonly workDir: string; readonly signal: AbortSignal },
): Promise<GuestHardware> {
  const { os, arch, diskBus } = profile;
  const machine = flags.machine ?? profile.machine;
  const boot = await bootOf({ ...profile, machine }, flags.firmware, workDir);
  const { memoryBytes, cpus, accelerator } = orThrow(await env.resources(profile, signal));
  const cpuModel = cpuModelOf(flags.cpu, accelerator);
  return {
    os,
    arch,
    machine,
    boot,
    diskBus,
    memoryBytes,
    cpus,
    accelerator,
    ...(cpuModel === undefined ? {} : { cpuModel }),
  };
}

/** The host's CPU can be had with KVM alone; the default is everything that the accelerator can show. */
function cpuModelOf(cpu: string | undefined, accelerator: Accelerator): string | undefined {
  return cpu === "host" && accelerator !== "kvm" ? undefined : cpu;
}

async function bootOf(
  { arch, machine, boot }: Profile,
  firmware: string | undefined,
  dir: string,
): Promise<MachineBoot> {
  const uefi = async (codePath?: string): Promise<MachineBoot> => {
    const wanted = { arch, machine, dir, ...(codePath === undefined ? {} : { codePath }) };
    return { kind: "firmware", firmware: orThrow(await uefiFor(wanted)) };
  };
  switch (firmware) {
    case undefined:
      if (boot.kind === "kernel" || boot.firmware.kind === "bios") return boot;
      // The default path is that of one distribution; descriptors tell where others have it.
      return uefi(
        boot.firmware.codePath === UEFI_CODE_PATHS[arch] ? undefined : boot.firmware.codePath,
      );
    case "bios":
      if (arch === "x86_64") return { kind: "firmware", firmware: { kind: "bios" } };
      throw new UserError(`--firmware bios: machines of ${arch} have no BIOS`, {
        exitCode: exitCode.usage,
        hint: "leave it out, which is uefi there",
      });
    case "uefi":
      return uefi();
    default:
      return uefi(resolve(firmware));
  }
}
