import type { DiskBus } from "../profile/profile.ts";
import type { MachineBoot } from "./qemu-boot.ts";
import { blockdev } from "./qemu-option.ts";
import type { VirtioTransport } from "./virtio.ts";

/** What the system disk's arguments depend on. */
export interface DiskArguments extends DiskNode {
  readonly diskPath: string;
  readonly bus: DiskBus;
  readonly boot: Pick<MachineBoot, "kind">;
  readonly transport: VirtioTransport;
}

/** The block node that a machine starts with. */
export const firstDiskNode = "disk0";

/** How a block node is opened. */
export interface DiskNode {
  /** @default "qcow2" */
  readonly format?: "qcow2" | "raw";
  /**
   * Guest flushes reach the host's disk, for a disk that nobody syncs afterwards. Otherwise they reach its page cache
   * (`no-flush`), since a layer is synced when it is promoted. @default false
   */
  readonly isDurable?: boolean;
}

/**
 * The block node of a disk that the guest writes (QAPI `BlockdevOptions`).
 *
 * The format is stated, never probed: a guest that writes a qcow2 header onto its raw disk must not
 * be able to name a host file as backing (qemu(1), `-drive format=`). Trimmed and
 * zeroed blocks are given back, so that layers stay small.
 */
export function diskOptions(
  diskPath: string,
  node: string,
  { format = "qcow2", isDurable = false }: DiskNode = {},
): Readonly<Record<string, unknown>> {
  return {
    driver: format,
    "node-name": node,
    discard: "unmap",
    "detect-zeroes": "unmap",
    cache: { direct: false, "no-flush": !isDurable },
    file: { driver: "file", "node-name": fileNode(node), filename: diskPath },
  };
}

/** The block node of the file that `node` is read from, see {@link diskOptions}. */
export function fileNode(node: string): string {
  return `${node}-file`;
}

/** The block node of a raw file that the guest may only read. */
function readOnlyOptions(path: string, node: string): Readonly<Record<string, unknown>> {
  return {
    driver: "raw",
    "node-name": node,
    "read-only": true,
    file: { driver: "file", filename: path, "read-only": true },
  };
}

/** The system disk: a block node and the device that shows it to the guest. */
export function diskArgv(disk: DiskArguments): string[] {
  return [...blockdev(diskOptions(disk.diskPath, firstDiskNode, disk)), ...diskDevice(disk)];
}

function diskDevice({ bus, boot, transport }: DiskArguments): string[] {
  // QEMU's own kernel loader claims index 0, and two devices may not share one.
  const drive = `drive=${firstDiskNode}${boot.kind === "firmware" ? ",bootindex=0" : ""}`;
  switch (bus) {
    case "virtio":
      return ["-device", `virtio-blk-${transport},${drive}`];
    case "scsi":
      return [
        "-device",
        `virtio-scsi-${transport},id=scsi0`,
        "-device",
        `scsi-hd,bus=scsi0.0,${drive}`,
      ];
    case "sata":
      return ["-device", "ahci,id=sata0", "-device", `ide-hd,bus=sata0.0,${drive}`];
    case "ide":
      return ["-device", `ide-hd,bus=ide.0,${drive}`];
    case "nvme":
      // The specification requires a serial number; a constant keeps the guest's view reproducible.
      return ["-device", `nvme,serial=vmbuild,${drive}`];
  }
}

/** A seed for cloud-init: a second disk, which the guest may only read. */
export interface SeedArguments {
  readonly path: string;
  /** That of the system disk. */
  readonly bus: DiskBus;
  readonly transport: VirtioTransport;
}

const seedNode = "seed";

/** The seed on the bus of the system disk, after it. On SATA and IDE it is a CD-ROM, since a hard disk cannot be read-only there. */
export function seedArgv({ path, bus, transport }: SeedArguments): string[] {
  return [
    ...blockdev(readOnlyOptions(path, seedNode)),
    "-device",
    `${seedDevice(bus, transport)},drive=${seedNode}`,
  ];
}

function seedDevice(bus: DiskBus, transport: VirtioTransport): string {
  switch (bus) {
    case "virtio":
      return `virtio-blk-${transport}`;
    case "scsi":
      return "scsi-hd,bus=scsi0.0";
    case "sata":
      return "ide-cd,bus=sata0.1";
    case "ide":
      return "ide-cd,bus=ide.1";
    case "nvme":
      return "nvme,serial=seed";
  }
}
