import type { BootSource, Firmware, GuestArch } from "../profile/profile.ts";
import { blockdev } from "./qemu-option.ts";

/** Firmware or kernel arguments, and what they add to `-machine`. */
export interface BootArguments {
  readonly argv: readonly string[];
  readonly machineOptions: readonly string[];
}

/** How a machine is started: as a profile says it, or with more about its UEFI. */
export type MachineBoot =
  | BootSource
  | { readonly kind: "firmware"; readonly firmware: Firmware | UefiFirmware };

/** UEFI as two flash images. */
export interface UefiFirmware {
  readonly kind: "uefi";
  /** Absolute. */
  readonly codePath: string;
  /** @default "raw" */
  readonly codeFormat?: "qcow2" | "raw";
  /** Absent keeps the variables in RAM, which not every firmware can. */
  readonly variables?: UefiVariables;
}

/** A machine's own copy of a UEFI variable store. */
export interface UefiVariables {
  /** Absolute; QEMU writes to it. */
  readonly path: string;
  readonly format: "qcow2" | "raw";
}

/**
 * How the guest's kernel is found.
 *
 * UEFI with `variables` is two flash devices, the read-only code (`pflash0`) and the variables (`pflash1`), as
 * firmware descriptors name them in pairs. Without variables it is, on x86_64, a read-only flash with the code image
 * alone; on aarch64 it is `-bios`, because `virt` wants flash images of exactly 64 MiB and `-bios` takes any size.
 * UEFI variables then live in RAM and are gone at power-off, so an image must boot by the removable-media path
 * (`\EFI\BOOT\BOOTX64.EFI`, UEFI 2.10 section 3.5). The firmware for aarch64 waits 5 s for a key before that, unless
 * it is told to show its menu for no time.
 */
export function bootArguments(boot: MachineBoot, arch: GuestArch): BootArguments {
  if (boot.kind === "kernel") {
    const initrd = boot.initrd === undefined ? [] : ["-initrd", boot.initrd];
    return {
      argv: ["-kernel", boot.kernel, ...initrd, "-append", boot.append],
      machineOptions: [],
    };
  }
  if (boot.firmware.kind === "bios") return { argv: [], machineOptions: [] };
  const { codePath, codeFormat = "raw", variables }: UefiFirmware = boot.firmware;
  if (arch === "aarch64" && variables === undefined) {
    const argv = ["-bios", codePath, "-boot", "menu=on,splash-time=0"];
    return { argv, machineOptions: [] };
  }
  const code = blockdev({
    driver: codeFormat,
    "node-name": "firmware",
    "read-only": true,
    file: { driver: "file", filename: codePath },
  });
  if (variables === undefined) return { argv: code, machineOptions: ["pflash0=firmware"] };
  const { path, format: driver } = variables;
  return {
    argv: [
      ...code,
      ...blockdev({ driver, "node-name": "variables", file: { driver: "file", filename: path } }),
    ],
    machineOptions: ["pflash0=firmware", "pflash1=variables"],
  };
}
