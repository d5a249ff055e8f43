import type { BootSource, DiskBus } from "../profile/profile.ts";
import { blockdev } from "./qemu-option.ts";
import type { VirtioTransport } from "./virtio.ts";

/** What the system disk's arguments depend on. */
export interface DiskArguments {
  readonly diskPath: string;
  readonly bus: DiskBus;
  readonly boot: BootSource;
  readonly transport: VirtioTransport;
}

/** The block node that a machine starts with. */
export const firstDiskNode = "disk0";

/**
 * A qcow2 block node (QAPI `BlockdevOptions`).
 *
 * The format is stated, never probed: a guest that writes a qcow2 header onto its raw disk must not
 * be able to name a host file as backing (qemu(1), `-drive format=`). Guest flushes reach the host's
 * page cache but not its disk (`no-flush`), since a layer is synced when it is promoted; trimmed and
 * zeroed blocks are given back, so that layers stay small.
 */
export function diskOptions(diskPath: string, node: string): Readonly<Record<string, unknown>> {
  return {
    driver: "qcow2",
    "node-name": node,
    discard: "unmap",
    "detect-zeroes": "unmap",
    cache: { direct: false, "no-flush": true },
    file: { driver: "file", "node-name": fileNode(node), filename: diskPath },
  };
}

/** The block node of the file that `node` is read from, see {@link diskOptions}. */
export function fileNode(node: string): string {
  return `${node}-file`;
}

/** The system disk: a block node and the device that shows it to the guest. */
export function diskArgv(disk: DiskArguments): string[] {
  return [...blockdev(diskOptions(disk.diskPath, firstDiskNode)), ...diskDevice(disk)];
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
