import { quoteWord } from "../machine/posix-quote.ts";
import { failed, ok, type Result } from "../result.ts";
import { readFacts } from "../suspend/facts.ts";
import { compareResidue, type Residue } from "../suspend/residue.ts";
import type { WarmMachine } from "../suspend/warm-machine.ts";
import type { SandboxFailure } from "./failure.ts";
import { runScript } from "./remote-script.ts";

/**
 * Ends what a task left running, removes what it left on a tmpfs, and flushes the guest's filesystems.
 * Gives what it changed in RAM besides, for which the machine may not go on.
 */
export async function cleanUp(
  { session, baseline }: WarmMachine,
  signal: AbortSignal,
): Promise<Result<Residue, SandboxFailure>> {
  if (!(await session.sweep())) {
    const message = "the agent in the guest does not answer";
    return failed({ reason: "connection-lost", cause: "ssh-closed", message, serialTail: "" });
  }
  const now = await readFacts(session, signal, { baseline });
  if (!now.ok) return now;
  const residue = compareResidue(baseline, now.value);
  const { newFiles, changes } = residue;
  if (newFiles.length === 0 || changes.length > 0) return ok(residue);
  const removed = await runScript(session, {
    command: "exec /bin/sh",
    stdin: `rm -rf -- ${newFiles.map(quoteWord).join(" ")}\n`,
    signal,
  });
  return removed.ok ? ok(residue) : failed(removed.error);
}
