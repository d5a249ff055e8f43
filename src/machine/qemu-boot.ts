import type { BootSource, GuestArch } from "../profile/profile.ts";
import { blockdev } from "./qemu-option.ts";

/** Firmware or kernel arguments, and what they add to `-machine`. */
export interface BootArguments {
  readonly argv: readonly string[];
  readonly machineOptions: readonly string[];
}

/**
 * How the guest's kernel is found.
 *
 * UEFI on x86_64 is a read-only flash (`pflash0`) with the code image alone; on aarch64 it is
 * `-bios`, because `virt` wants flash images of exactly 64 MiB and `-bios` takes any size. Either
 * way no variable store is attached: UEFI variables live in RAM and are gone at power-off, so an
 * image must boot by the removable-media path (`\EFI\BOOT\BOOTX64.EFI`, UEFI 2.10 section 3.5). The
 * firmware for aarch64 waits 5 s for a key before that, unless it is told to show its menu for no time.
 */
export function bootArguments(boot: BootSource, arch: GuestArch): BootArguments {
  if (boot.kind === "kernel") {
    const initrd = boot.initrd === undefined ? [] : ["-initrd", boot.initrd];
    return {
      argv: ["-kernel", boot.kernel, ...initrd, "-append", boot.append],
      machineOptions: [],
    };
  }
  if (boot.firmware.kind === "bios") return { argv: [], machineOptions: [] };
  if (arch === "aarch64") {
    const argv = ["-bios", boot.firmware.codePath, "-boot", "menu=on,splash-time=0"];
    return { argv, machineOptions: [] };
  }
  return {
    argv: blockdev({
      driver: "raw",
      "node-name": "firmware",
      "read-only": true,
      file: { driver: "file", filename: boot.firmware.codePath },
    }),
    machineOptions: ["pflash0=firmware"],
  };
}
