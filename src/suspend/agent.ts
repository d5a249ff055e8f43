import type { GuestArch } from "../profile/profile.ts";
import { startAgentScript } from "./agent-script.ts";
import { factsFunction } from "./facts-script.ts";
import { wakeProgram } from "./wake-program.ts";

/** The script that starts the agent in a guest of this architecture. */
export function agentScript(arch: GuestArch): string {
  return startAgentScript(wakeProgram(arch), factsFunction);
}
