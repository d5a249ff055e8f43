import { diskOptions } from "./qemu-disk.ts";
import type { VirtioTransport } from "./virtio.ts";

/** A disk to be plugged into a machine that runs. */
export interface PluggableDisk {
  /** Absolute. */
  readonly path: string;
  /** Stated, never probed, as for every disk. A `raw` one is for reading only, unless it is `writable`. */
  readonly format: "qcow2" | "raw";
  /** The guest may write to a `raw` one. */
  readonly writable?: boolean;
}

const controller = "hotplug";

/** The SCSI target whose logical units the disks are; a system disk on `scsi` is target 0 of its controller. */
export const hotPlugTarget = 7;

/**
 * The controller that disks are plugged into later, as its LUNs. It is there from the start, because a PCI
 * device that comes later would need the guest's PCI hot-plug as well.
 */
export function hotPlugArgv(transport: VirtioTransport): string[] {
  return ["-device", `virtio-scsi-${transport},id=${controller}`];
}

/** The block node of a plugged disk (QAPI `BlockdevOptions`). */
export function pluggedNode(
  { path, format, writable = false }: PluggableDisk,
  node: string,
): Readonly<Record<string, unknown>> {
  if (format === "qcow2") return diskOptions(path, node);
  return {
    driver: "raw",
    "node-name": node,
    "read-only": !writable,
    // No use is made of it after a crash of the host.
    cache: { direct: false, "no-flush": true },
    file: { driver: "file", filename: path, "read-only": !writable },
  };
}

/** The device that shows block node `node` to the guest as logical unit `lun` of {@link hotPlugTarget}. */
export function pluggedDevice(
  node: string,
  device: string,
  lun: number,
): Readonly<Record<string, unknown>> {
  return {
    driver: "scsi-hd",
    id: device,
    drive: node,
    bus: `${controller}.0`,
    channel: 0,
    "scsi-id": hotPlugTarget,
    lun,
  };
}
