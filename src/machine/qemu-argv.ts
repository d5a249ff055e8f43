/**
 * The QEMU command line, as one pure function (qemu(1), version 7.2 and later).
 */
import type { GuestArch, GuestOs } from "../profile/profile.ts";
import type { Accelerator } from "./accelerator.ts";
import { defaultCpuModel } from "./cpu-model.ts";
import type { MachineConfig } from "./machine.ts";
import { bootArguments } from "./qemu-boot.ts";
import { diskArgv } from "./qemu-disk.ts";
import { hotPlugArgv } from "./qemu-hot-plug.ts";
import { networkArgv } from "./qemu-network.ts";
import { optionValue } from "./qemu-option.ts";
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
    "-nodefaults",
    "-no-user-config",
    ...sandbox,
    "-machine",
    [
      profile.machine,
      ...boot.machineOptions,
      ...(ramPath === undefined ? [] : [suspendMachineOption]),
    ].join(","),
    "-accel",
    acceleratorOption(config.accelerator),
    "-cpu",
    config.cpuModel ?? defaultCpuModel(profile.arch, config.accelerator),
    "-smp",
    String(config.cpus),
    "-m",
    `${Math.ceil(config.memoryBytes / 2 ** 20)}M`,
    ...lifecycle,
    ...display(profile.os),
    ...clock(profile.os),
    ...consoles(config.serialLogPath, sockets.qmpPath),
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
      guestPort: profile.login.port,
      network: config.network,
    }),
    ...entropy(profile.os, transport),
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

/** The guest is not trusted: a QEMU it has broken out of can neither start programs nor gain rights. */
const sandbox = [
  "-sandbox",
  "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
];

/** A guest's reset ends QEMU like a power-off; the SHUTDOWN event's `reason` tells them apart. */
const lifecycle = ["-action", "reboot=shutdown,shutdown=poweroff,panic=shutdown"];

/**
 * MiB of translated code TCG keeps. QEMU's own 1 GiB is most of what an emulated machine costs the
 * host; a Linux guest's working set of code fits in a fraction of it.
 */
const translationBufferMiB = 256;

/**
 * TCG's `thread=` is left to QEMU: it runs one thread per CPU exactly where host and guest memory
 * order allow it.
 */
function acceleratorOption(accelerator: Accelerator): string {
  return accelerator === "kvm" ? "kvm" : `tcg,tb-size=${translationBufferMiB}`;
}

/** Windows does not finish starting without a display adapter; the others do well on a serial port. */
function display(os: GuestOs): string[] {
  return ["-display", "none", "-vga", os === "windows" ? "std" : "none"];
}

/** Windows keeps its hardware clock in local time, everyone else in UTC. */
function clock(os: GuestOs): string[] {
  return ["-rtc", `base=${os === "windows" ? "localtime" : "utc"}`];
}

function consoles(serialLogPath: string, qmpPath: string): string[] {
  return [
    "-chardev",
    `file,id=serial0,path=${optionValue(serialLogPath)}`,
    "-serial",
    "chardev:serial0",
    "-chardev",
    `socket,id=qmp,path=${optionValue(qmpPath)},server=on,wait=off`,
    "-mon",
    "chardev=qmp,mode=control",
  ];
}

/** A guest without entropy would make its first SSH handshake wait; Windows has no driver for it. */
function entropy(os: GuestOs, transport: VirtioTransport): string[] {
  return os === "windows" ? [] : ["-device", `virtio-rng-${transport}`];
}
