import type { Accelerator } from "./accelerator.ts";

/**
 * The `-cpu` a machine gets unless its configuration names one (qemu(1), "cpu models").
 *
 * `host` is what KVM runs without trapping; under TCG `max` is everything QEMU can emulate, so a
 * guest built for a newer baseline than `qemu64` still starts.
 */
export function defaultCpuModel(accelerator: Accelerator): string {
  return accelerator === "kvm" ? "host" : "max";
}
