import { once } from "node:events";
import { createServer } from "node:net";
import type { MachineFailureOf } from "./failure.ts";
import type { GuestConfig } from "./guest.ts";
import type { MachineEnd } from "./machine.ts";

/**
 * What QEMU refused to start for, when it is something of the host's that another program has: a port or the disk. QEMU
 * tells it in words alone (net/slirp.c, block/file-posix.c).
 */
export async function refusalFailure(
  { reason, stderr }: MachineEnd,
  { diskPath }: Pick<GuestConfig, "diskPath">,
): Promise<MachineFailureOf<"port-unusable" | "disk-in-use"> | undefined> {
  if (reason !== "crashed") return undefined;
  const port = /host forwarding rule '[^']*?:(\d+)-/.exec(stderr)?.[1];
  if (port !== undefined) {
    return { reason: "port-unusable", port: Number(port), code: await bindError(Number(port)) };
  }
  if (!/Failed to get .*\block\b/.test(stderr)) return undefined;
  // What an overlay is on may be what is in use.
  const image = /using the image \[(.+)\]\?/.exec(stderr)?.[1];
  return { reason: "disk-in-use", path: image ?? diskPath };
}

/** Why nobody can listen on a port of 127.0.0.1, as the system's error code; QEMU does not say. */
async function bindError(port: number): Promise<string | undefined> {
  const server = createServer();
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  } finally {
    server.close();
  }
}
