/** How virtio devices reach the guest: the suffix of their QEMU device names. */
export type VirtioTransport = "pci" | "device";

/**
 * The transport a machine type has: `microvm` has virtio-mmio slots and no PCI bus (QEMU's
 * `docs/system/i386/microvm.rst`), every other supported machine has PCI.
 */
export function virtioTransport(machine: string): VirtioTransport {
  return machine.split(",", 1)[0] === "microvm" ? "device" : "pci";
}
