import type { Socket } from "node:net";
import { connectWhenThere } from "../machine/qmp-connect.ts";
import type { AgentSockets } from "../machine/qemu-suspend.ts";
import { failed, ok, type Result } from "../result.ts";

/** The host's ends of the agent's ports, connected. */
export interface AgentPorts {
  readonly control: Socket;
  readonly data: Socket;
  readonly errors: Socket;
}

/** Connects to the sockets QEMU makes for the ports; an aborted signal ends the waiting. */
export async function connectPorts(
  sockets: AgentSockets,
  signal: AbortSignal,
): Promise<Result<AgentPorts, { readonly reason: "cancelled" }>> {
  const connected = await Promise.all(
    [sockets.controlPath, sockets.dataPath, sockets.errorPath].map((path) =>
      connectWhenThere(path, signal),
    ),
  );
  const [control, data, errors] = connected.map((socket) => (socket.ok ? socket.value : undefined));
  if (control !== undefined && data !== undefined && errors !== undefined) {
    return ok({ control, data, errors });
  }
  for (const socket of connected) if (socket.ok) socket.value.destroy();
  return failed({ reason: "cancelled" });
}
