import type { GuestArch, GuestOs } from "../profile/profile.ts";
import type { Accelerator } from "./accelerator.ts";
import { defaultCpuModel } from "./cpu-model.ts";
import { optionValue } from "./qemu-option.ts";

/** What a machine consists of before it has any device. */
export interface HardwareArguments {
  readonly os: GuestOs;
  readonly arch: GuestArch;
  /** `-M` with its options, for example `["q35", "pflash0=firmware"]`. */
  readonly machine: readonly string[];
  readonly accelerator: Accelerator;
  /** `-cpu`; absent takes `defaultCpuModel`. */
  readonly cpuModel?: string | undefined;
  readonly cpus: number;
  readonly memoryBytes: number;
  /**
   * What a guest's reboot does: `end` ends QEMU as a power-off does, and the SHUTDOWN event's `reason` tells them
   * apart; `restart` boots the guest again.
   */
  readonly onReboot: "end" | "restart";
}

/** The arguments that every machine begins with. */
export function hardwareArgv(hardware: HardwareArguments): string[] {
  const { os, arch, accelerator, cpuModel } = hardware;
  return [
    "-nodefaults",
    "-no-user-config",
    ...sandbox,
    "-machine",
    hardware.machine.join(","),
    "-accel",
    acceleratorOption(accelerator),
    "-cpu",
    cpuModel ?? defaultCpuModel(arch, accelerator),
    "-smp",
    String(hardware.cpus),
    "-m",
    `${Math.ceil(hardware.memoryBytes / 2 ** 20)}M`,
    "-action",
    `reboot=${hardware.onReboot === "end" ? "shutdown" : "reset"},shutdown=poweroff,panic=shutdown`,
    ...display(os),
    ...clock(os),
  ];
}

/** A monitor (QMP) that listens at a Unix socket; `id` tells it from others of the machine. */
export function monitorArgv(id: string, path: string): string[] {
  return [
    "-chardev",
    `socket,id=${id},path=${optionValue(path)},server=on,wait=off`,
    "-mon",
    `chardev=${id},mode=control`,
  ];
}

/** The first serial port, written to a file. */
export function serialFileArgv(path: string): string[] {
  return ["-chardev", `file,id=serial0,path=${optionValue(path)}`, "-serial", "chardev:serial0"];
}

/** The guest is not trusted: a QEMU it has broken out of can neither start programs nor gain rights. */
const sandbox = [
  "-sandbox",
  "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
];

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
