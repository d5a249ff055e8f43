import type { StepContext } from "../plan/step.ts";
import type { Profile } from "./profile.ts";

/** What the steps of a spec start with on a machine of this profile. */
export function initialContext({ os, env, user, shell }: Profile): StepContext {
  return {
    workdir: os === "windows" ? "C:\\" : "/",
    env: Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1)),
    user,
    shell,
  };
}
