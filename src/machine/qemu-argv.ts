/**
 * The QEMU command line, as one pure function (qemu(1), version 7.2 and later).
 */
import type { GuestArch, GuestOs } from "../profile/profile.ts";
import type { MachineConfig } from "./machine.ts";
import { bootArguments } from "./qemu-boot.ts";
import { diskArgv } from "./qemu-disk.ts";
import { hardwareArgv, monitorArgv, serialFileArgv } from "./qemu-hardware.ts";
import { hotPlugArgv } from "./qemu-hot-plug.ts";
import { networkArgv } from "./qemu-network.ts";
import { type AgentSockets, suspendArgv, suspendMachineOption } from "./qemu-suspend.ts";
import { virtioTransport, type VirtioTransport } from "./virtio.ts";

/** Unix sockets QEMU listens on, by absolute path. */
export interface QemuSockets {
  readonly qmpPath: string;
  readonly agent: AgentSockets;
  readonly incomingPath: string;
}

/** The program that emulates an architecture. */
export function qemuProgram(arch: GuestArch): string {
  return `qemu-system-${arch}`;
}

/** The Debian package that has the program. */
export function qemuPackage(arch: GuestArch): string {
  return arch === "x86_64" ? "qemu-system-x86" : "qemu-system-arm";
}

/** The arguments of `qemuProgram(config.profile.arch)` for a machine, without the program itself. */
export function qemuArgv(
  config: MachineConfig,
  sockets: QemuSockets,
  start: "boot" | "resume" = "boot",
): string[] {
  const { profile, ramPath } = config;
  const transport = virtioTransport(profile.machine);
  const boot = bootArguments(profile.boot, profile.arch);
  return [
    ...hardwareArgv({
      ...config,
      os: profile.os,
      arch: profile.arch,
      machine: [
        profile.machine,
        ...boot.machineOptions,
        ...(ramPath === undefined ? [] : [suspendMachineOption]),
      ],
      onReboot: "end",
    }),
    ...serialFileArgv(config.serialLogPath),
    ...monitorArgv("qmp", sockets.qmpPath),
    ...boot.argv,
    ...diskArgv({
      diskPath: config.diskPath,
      bus: profile.diskBus,
      boot: profile.boot,
      transport,
    }),
    ...networkArgv({
      os: profile.os,
      transport,
      forwards: [{ guestPort: profile.login.port }],
      network: config.network,
    }),
    ...entropyArgv(profile.os, transport),
    ...(profile.bulkTransport === "virtio-scsi" ? hotPlugArgv(transport) : []),
    ...(ramPath === undefined
      ? []
      : suspendArgv({
          ramPath,
          memoryBytes: config.memoryBytes,
          sockets: sockets.agent,
          transport,
          ...(start === "resume" ? { incomingPath: sockets.incomingPath } : {}),
        })),
  ];
}

/** A guest without entropy would make its first SSH handshake wait; Windows has no driver for it. */
export function entropyArgv(os: GuestOs, transport: VirtioTransport): string[] {
  return os === "windows" ? [] : ["-device", `virtio-rng-${transport}`];
}
