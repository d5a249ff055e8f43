import { optionValue } from "./qemu-option.ts";
import type { VirtioTransport } from "./virtio.ts";

/** A virtio-serial port of the guest's, with a Unix socket of the host's at its other end. */
export interface VirtioPort {
  /** As the guest sees it, below `/dev/virtio-ports`; the id of the port in the monitor's events is the same. */
  readonly name: string;
  /** Where QEMU listens, absolute. */
  readonly path: string;
}

/** The ports, in the order of their numbers, on a controller of their own. Nothing when there are none. */
export function portsArgv(transport: VirtioTransport, ports: readonly VirtioPort[]): string[] {
  if (ports.length === 0) return [];
  return [
    "-device",
    `virtio-serial-${transport},id=agent`,
    ...ports.flatMap(({ name, path }, index) => [
      "-chardev",
      `socket,id=${name},path=${optionValue(path)},server=on,wait=off`,
      "-device",
      `virtserialport,bus=agent.0,nr=${index + 1},chardev=${name},name=${name},id=${name}`,
    ]),
  ];
}
