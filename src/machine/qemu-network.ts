import type { GuestOs } from "../profile/profile.ts";
import type { VirtioTransport } from "./virtio.ts";

/** What the network card's arguments depend on. */
export interface NetworkArguments {
  readonly os: GuestOs;
  readonly transport: VirtioTransport;
  /** TCP port of the SSH server inside the guest. */
  readonly guestPort: number;
  /** False isolates the guest (`restrict=on`); the forwarded SSH port works in both cases. */
  readonly network: boolean;
}

/**
 * User-mode network (slirp) with one card and the SSH port forwarded to the host's loopback.
 *
 * Host port 0 lets the kernel pick the port when QEMU binds it, so there is no port to race for; the
 * monitor's `info usernet` tells which. `romfile=` leaves out the network boot ROM.
 */
export function networkArgv({ os, transport, guestPort, network }: NetworkArguments): string[] {
  const restrict = network ? "off" : "on";
  return [
    "-netdev",
    `user,id=net0,restrict=${restrict},hostfwd=tcp:127.0.0.1:0-:${guestPort}`,
    "-device",
    `${cardModel(os, transport)},netdev=net0${transport === "pci" ? ",romfile=" : ""}`,
  ];
}

/** Windows ships a driver for the Intel card and none for virtio; the others ship virtio-net. */
function cardModel(os: GuestOs, transport: VirtioTransport): string {
  return os === "windows" ? "e1000" : `virtio-net-${transport}`;
}
