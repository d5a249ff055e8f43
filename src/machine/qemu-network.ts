import type { GuestOs } from "../profile/profile.ts";
import type { VirtioTransport } from "./virtio.ts";

/** A TCP port of the guest's that is reached on the host's loopback. */
export interface PortForward {
  readonly guestPort: number;
  /** On 127.0.0.1; absent lets the kernel pick one. */
  readonly hostPort?: number;
}

/** What the network card's arguments depend on. */
export interface NetworkArguments {
  readonly os: GuestOs;
  readonly transport: VirtioTransport;
  readonly forwards: readonly PortForward[];
  /** False isolates the guest (`restrict=on`); forwarded ports work in both cases. */
  readonly network: boolean;
}

/**
 * User-mode network (slirp) with one card and TCP ports of the guest forwarded to the host's loopback.
 *
 * Host port 0 lets the kernel pick the port when QEMU binds it, so there is no port to race for; the
 * monitor's `info usernet` tells which. `romfile=` leaves out the network boot ROM.
 */
export function networkArgv({ os, transport, forwards, network }: NetworkArguments): string[] {
  const restrict = network ? "off" : "on";
  const rules = forwards.map(
    ({ hostPort = 0, guestPort }) => `,hostfwd=tcp:127.0.0.1:${hostPort}-:${guestPort}`,
  );
  return [
    "-netdev",
    `user,id=net0,restrict=${restrict}${rules.join("")}`,
    "-device",
    `${cardModel(os, transport)},netdev=net0${transport === "pci" ? ",romfile=" : ""}`,
  ];
}

/** Windows ships a driver for the Intel card and none for virtio; the others ship virtio-net. */
function cardModel(os: GuestOs, transport: VirtioTransport): string {
  return os === "windows" ? "e1000" : `virtio-net-${transport}`;
}
