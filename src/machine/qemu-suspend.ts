import { optionValue } from "./qemu-option.ts";
import { portsArgv } from "./qemu-ports.ts";
import type { VirtioTransport } from "./virtio.ts";

/** Unix sockets of the agent's ports, by absolute path. */
export interface AgentSockets {
  readonly controlPath: string;
  readonly dataPath: string;
  readonly errorPath: string;
}

/** Names of the ports as the guest sees them; the id of each in the monitor's events is the same. */
export const agentPorts = {
  control: "vmbuild.0",
  data: "vmbuild.1",
  errors: "vmbuild.2",
} as const;

/** What a machine that can be suspended has besides. */
export interface SuspendArguments {
  /**
   * A file of the size of the guest's RAM, mapped privately: QEMU sees its content and never writes to
   * it. What the guest has written is QEMU's own memory, and told apart from it by the kernel.
   */
  readonly ramPath: string;
  readonly memoryBytes: number;
  readonly sockets: AgentSockets;
  readonly transport: VirtioTransport;
  /** Where the state of the devices will be taken from; undefined for a machine that boots. */
  readonly incomingPath?: string;
}

/** The option of `-machine` that goes with {@link suspendArgv}. */
export const suspendMachineOption = "memory-backend=ram";

/**
 * RAM in a file and the agent's ports.
 *
 * `send-configuration=off` lets QEMU take a stream of device state alone, as `xen-save-devices-state`
 * writes it; RAM is in the file already, and its copy in the stream would cost seconds.
 */
export function suspendArgv(machine: SuspendArguments): string[] {
  const { ramPath, memoryBytes, sockets, transport, incomingPath } = machine;
  const size = `${Math.ceil(memoryBytes / 2 ** 20)}M`;
  return [
    "-object",
    `memory-backend-file,id=ram,size=${size},mem-path=${optionValue(ramPath)},share=off`,
    "-global",
    "migration.send-configuration=off",
    ...portsArgv(transport, [
      { name: agentPorts.control, path: sockets.controlPath },
      { name: agentPorts.data, path: sockets.dataPath },
      { name: agentPorts.errors, path: sockets.errorPath },
    ]),
    ...(incomingPath === undefined ? [] : ["-incoming", `unix:${incomingPath}`, "-S"]),
  ];
}
