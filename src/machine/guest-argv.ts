import type { GuestConfig, GuestConsole } from "./guest.ts";
import { entropyArgv } from "./qemu-argv.ts";
import { bootArguments } from "./qemu-boot.ts";
import { diskArgv, seedArgv } from "./qemu-disk.ts";
import { hardwareArgv, monitorArgv, serialFileArgv } from "./qemu-hardware.ts";
import { networkArgv } from "./qemu-network.ts";
import { optionValue } from "./qemu-option.ts";
import { portsArgv, type VirtioPort } from "./qemu-ports.ts";
import { virtioTransport } from "./virtio.ts";

/** Unix sockets QEMU listens on, by path. */
export interface GuestSockets {
  readonly qmpPath: string;
  readonly ports: readonly VirtioPort[];
}

/**
 * The arguments of `qemuProgram(config.arch)` for a guest, without the program itself. The guest does not run before it
 * is told to (`cont`), so that none of its monitor's events is missed.
 */
export function guestArgv(config: GuestConfig, sockets: GuestSockets): string[] {
  const transport = virtioTransport(config.machine);
  const boot = bootArguments(config.boot, config.arch);
  return [
    ...hardwareArgv({
      ...config,
      machine: [config.machine, ...boot.machineOptions],
      onReboot: "restart",
    }),
    ...consoleArgv(config.console),
    ...monitorArgv("qmp", sockets.qmpPath),
    ...(config.qmpPath === undefined ? [] : monitorArgv("qmp2", config.qmpPath)),
    ...boot.argv,
    ...diskArgv({
      diskPath: config.diskPath,
      format: config.diskFormat,
      isDurable: config.isDurable ?? false,
      bus: config.diskBus,
      boot: config.boot,
      transport,
    }),
    ...(config.smbiosSerial === undefined
      ? []
      : ["-smbios", `type=1,serial=${optionValue(config.smbiosSerial)}`]),
    ...networkArgv({
      os: config.os,
      transport,
      forwards: config.forwards,
      network: config.network,
    }),
    ...entropyArgv(config.os, transport),
    ...portsArgv(transport, sockets.ports),
    // Last: with a seed and without, each device is in its slot, by which a guest names its network card.
    ...(config.seedPath === undefined
      ? []
      : seedArgv({ path: config.seedPath, bus: config.diskBus, transport })),
    "-S",
  ];
}

/** On a terminal QEMU's own monitor is beside the serial port, as with `-nographic`: Ctrl-A c switches. */
function consoleArgv(console: GuestConsole): string[] {
  if (console.kind === "file") return serialFileArgv(console.path);
  const log = console.logPath === undefined ? "" : `,logfile=${optionValue(console.logPath)}`;
  return [
    "-chardev",
    `stdio,id=serial0,mux=on,signal=off${log}`,
    "-serial",
    "chardev:serial0",
    "-mon",
    "chardev=serial0,mode=readline",
  ];
}
