import type { Machine } from "../machine/machine.ts";
import type { MachineFailure } from "../machine/failure.ts";
import { deferred } from "../machine/deferred.ts";
import { lossFailure, type MachineFiles } from "../machine/end-failure.ts";
import { failed, ok, type Result } from "../result.ts";
import { connectPorts } from "./agent-ports.ts";
import { PortSession } from "./port-session.ts";

/** How long a lost agent waits for QEMU's end, which then is the cause. */
const lossGraceMs = 2_000;

/** Connects to the agent's ports of a machine, whether there is an agent yet or not. */
export async function openAgentSession(
  machine: Pick<Machine, "agent" | "agentGone" | "ended">,
  files: MachineFiles,
  signal: AbortSignal,
): Promise<Result<PortSession, MachineFailure>> {
  const stop = deferred<void>(signal, () => {});
  const over = new AbortController();
  void Promise.race([machine.ended, stop.promise]).then(() => over.abort());
  const ports = await connectPorts(machine.agent, over.signal);
  stop.settle();
  if (!ports.ok) {
    // A machine that ended meanwhile was not cancelled by anybody.
    return failed(
      signal.aborted
        ? ports.error
        : await lossFailure("the agent's ports are gone", machine, files, lossGraceMs),
    );
  }
  return ok(
    new PortSession(ports.value, {
      agentGone: machine.agentGone,
      explainLoss: (message) => lossFailure(message, machine, files, lossGraceMs),
    }),
  );
}
