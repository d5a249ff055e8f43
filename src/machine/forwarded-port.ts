/**
 * The host port that QEMU's user network forwards to a TCP port of the guest, out of what the
 * monitor's `info usernet` prints, or undefined when there is none:
 *
 *       Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ
 *       TCP[HOST_FORWARD]  12       127.0.0.1 39055       10.0.2.15    22     0     0
 */
export function forwardedPort(usernet: string, guestPort: number): number | undefined {
  const row = /^\s*TCP\[HOST_FORWARD\]\s+-?\d+\s+\S+\s+(\d+)\s+\S+\s+(\d+)\s/gm;
  for (const [, hostPort, destination] of usernet.matchAll(row)) {
    if (Number(destination) === guestPort) return Number(hostPort);
  }
  return undefined;
}
