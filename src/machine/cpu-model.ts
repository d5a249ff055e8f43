import type { GuestArch } from "../profile/profile.ts";
import type { Accelerator } from "./accelerator.ts";

/**
 * The `-cpu` a machine gets unless its configuration names one (qemu(1); QEMU's `cpu-features.rst`
 * for Arm).
 *
 * `host` is what KVM runs without trapping; under TCG `max` is everything QEMU can emulate, so a
 * guest built for a newer baseline still starts. On x86 without the promise that `rep movsb` and `rep stosb` are fast:
 * they are emulated byte by byte, and a kernel that believes it copies and clears memory with them, a sixth as fast as
 * with eight bytes at a time (0.9 and 5.9 GB/s). On Arm pointer authentication is left to a cheap
 * hash: the architected cipher, run at every function's entry and exit, makes a boot take four times
 * as long.
 */
export function defaultCpuModel(arch: GuestArch, accelerator: Accelerator): string {
  if (accelerator === "kvm") return "host";
  return arch === "aarch64" ? "max,pauth-impdef=on" : "max,-erms,-fsrm";
}
