/**
 * Booting a machine that can be suspended.
 */
import { randomBytes } from "node:crypto";
import type { MachineFailure } from "../machine/failure.ts";
import { launch } from "../machine/launch.ts";
import type { LaunchOptions, MachineConfig } from "../machine/machine.ts";
import { failed, ok, type Result } from "../result.ts";
import { agentScript } from "./agent.ts";
import { agentReady } from "./agent-script.ts";
import { openAgentSession } from "./agent-session.ts";
import { hostFingerprint } from "./fingerprint.ts";
import { readFacts } from "./facts.ts";
import { diskDriversScript, hastenScript, settleScript } from "./facts-script.ts";
import { wakeInput } from "./wake-program.ts";
import type { WarmMachine } from "./warm-machine.ts";

/** Why there is no warm machine: the boot's own failure, or what the guest or host lacks for one. */
export type WarmFailure =
  | { readonly kind: "machine"; readonly failure: MachineFailure }
  | { readonly kind: "unsuitable"; readonly why: string };

export interface BootOptions extends LaunchOptions {
  /** The command line of a root shell in the guest. */
  readonly rootShell: string;
  readonly onMachine: (pid: number) => void | Promise<void>;
}

/** Mapped privately it is memory that is all zero and takes no room (mem(4)). */
const emptyRam = "/dev/zero";

/** Boots, starts the agent over SSH, and waits until the guest has come to rest. */
export async function bootMachine(
  config: Omit<MachineConfig, "ramPath">,
  { rootShell, onMachine, ...options }: BootOptions,
): Promise<Result<WarmMachine, WarmFailure>> {
  const suspendable = { ...config, ramPath: emptyRam };
  const launched = await launch(suspendable, options);
  if (!launched.ok) return failed({ kind: "machine", failure: launched.error });
  const machine = launched.value;
  try {
    await onMachine(machine.pid);
    const prepared = await prepare();
    if (!prepared.ok) await machine[Symbol.asyncDispose]();
    return prepared;
  } catch (error) {
    await machine[Symbol.asyncDispose]();
    throw error;
  }

  async function prepare(): Promise<Result<WarmMachine, WarmFailure>> {
    const { signal } = options;
    let said = "";
    const started = await machine.session.exec({
      command: rootShell,
      stdin: agentScript(config.profile.arch),
      signal,
      onStdout: (chunk) => void (said = (said + chunk.toString("latin1")).slice(-1000)),
      onStderr: (chunk) => void (said = (said + chunk.toString("latin1")).slice(-1000)),
    });
    if (!started.ok) return failed({ kind: "machine", failure: started.error });
    if (!said.includes(agentReady)) return unsuitable(said.trim() || "the agent did not start");
    // The login is no part of the guest that is saved.
    machine.session.close();
    const opened = await openAgentSession(machine, suspendable, signal);
    if (!opened.ok) return failed({ kind: "machine", failure: opened.error });
    const session = opened.value;
    if (!(await session.wake(wakeInput(randomBytes(64), Date.now())))) {
      return unsuitable("the guest's clock and random number generator cannot be set");
    }
    const drivers = machine.hotPlug === undefined ? "" : diskDriversScript;
    const before = settleScript + drivers + hastenScript;
    const baseline = await readFacts(session, signal, { before });
    if (!baseline.ok) return failed({ kind: "machine", failure: baseline.error });
    const host = await hostFingerprint(suspendable, machine.argv[0] as string);
    return ok({
      machine,
      session,
      fingerprint: { ...host, qemuVersion: machine.qemuVersion },
      ramFile: emptyRam,
      memoryBytes: config.memoryBytes,
      origin: { kind: "booted" },
      baseline: baseline.value,
      async [Symbol.asyncDispose]() {
        session.close();
        await machine[Symbol.asyncDispose]();
      },
    });
  }
}

function unsuitable(why: string): Result<never, WarmFailure> {
  return failed({ kind: "unsuitable", why });
}
