import { type Command, Option } from "commander";
import type { GuestArch } from "../profile/profile.ts";
import { readArch } from "./boot-flags.ts";
import type { HardwareFlags } from "./guest-hardware.ts";
import {
  givenSettings,
  readAccelerator,
  readCount,
  readMemory,
  type Settings,
} from "./settings.ts";

/** What `boot`, `configure` and `task` are told of the machine; absent means as the image's profile says. */
export interface MachineFlags extends HardwareFlags {
  readonly store?: string;
  readonly arch?: GuestArch;
  /** Bytes. */
  readonly memory?: number;
  readonly smp?: number;
  readonly accelerator?: "auto" | "kvm" | "tcg";
  /** False for `--no-network`. */
  readonly network: boolean;
}

/** Adds the flags of {@link MachineFlags} to a command, but for the store's and the CPU model's. */
export function withMachineFlags(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--arch <name>",
        "a file's architecture, x86_64 or aarch64 (default: this host's)",
      ).argParser(readArch),
    )
    .option("--machine <type>", "the machine as QEMU calls it (default: q35, virt)")
    .option("--firmware <which>", "bios, uefi or a file (default: bios; uefi for aarch64)")
    .addOption(
      new Option("--memory <size>", "the machine's memory, for example 2G").argParser((text) =>
        readMemory(text, "--memory"),
      ),
    )
    .addOption(
      new Option("--smp <n>", "the machine's CPUs").argParser((text) => readCount(text, "--smp")),
    )
    .addOption(
      new Option(
        "--accelerator <name>",
        "auto, kvm or tcg (default: the fastest that works)",
      ).argParser((text) => readAccelerator(text, "--accelerator")),
    )
    .addOption(new Option("--network", "let the guest reach the network").default(true))
    .option("--no-network", "cut the guest off from every network");
}

/** Adds the CPU model's flag. */
export function withCpuFlag(command: Command): Command {
  return command.option(
    "--cpu <model>",
    "the CPU as QEMU calls it, such as cortex-a57; host, where KVM runs",
  );
}

/** The settings among the flags. */
export function machineSettings(flags: MachineFlags): Settings {
  return givenSettings({
    store: flags.store,
    memoryBytes: flags.memory,
    cpus: flags.smp,
    accelerator: flags.accelerator,
  });
}
