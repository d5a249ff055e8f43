import type { PortForward } from "./qemu-network.ts";

/** A forwarded port, both of whose ends are known. */
export type ForwardedPort = Required<PortForward>;

/**
 * What QEMU's user network forwards to TCP ports of the guest, out of what the monitor's `info usernet` prints:
 *
 *       Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ
 *       TCP[HOST_FORWARD]  12       127.0.0.1 39055       10.0.2.15    22     0     0
 */
function forwardedPorts(usernet: string): readonly ForwardedPort[] {
  const row = /^\s*TCP\[HOST_FORWARD\]\s+-?\d+\s+\S+\s+(\d+)\s+\S+\s+(\d+)\s/gm;
  return [...usernet.matchAll(row)].map(([, host, guest]) => ({
    hostPort: Number(host),
    guestPort: Number(guest),
  }));
}

/**
 * The host ports of `wanted`, in its order, as `info usernet` tells them; undefined stands for one that is not there.
 * Where several lead to one port of the guest, each stands for one.
 */
export function findForwards(
  usernet: string,
  wanted: readonly PortForward[],
): readonly (ForwardedPort | undefined)[] {
  const left = [...forwardedPorts(usernet)];
  const take = ({ guestPort, hostPort }: PortForward): ForwardedPort | undefined => {
    const at = left.findIndex(
      (row) => row.guestPort === guestPort && (hostPort ?? row.hostPort) === row.hostPort,
    );
    return at === -1 ? undefined : left.splice(at, 1)[0];
  };
  // Those that name their port first: what is left is what the kernel has picked.
  const named = new Map(
    wanted.filter(({ hostPort }) => hostPort !== undefined).map((one) => [one, take(one)]),
  );
  return wanted.map((one) => (named.has(one) ? named.get(one) : take(one)));
}
