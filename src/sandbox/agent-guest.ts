import type { Profile } from "../profile/profile.ts";
import type { SandboxTask } from "./sandbox.ts";

/** The profile of a guest as its agent enters it: as root, whoever logs in over SSH. */
export function agentProfile(profile: Profile): Profile {
  return { ...profile, login: { ...profile.login, user: "root", become: "none" } };
}

/** The task with the account that logs in by its name, since the agent is not it. */
export function agentTask(profile: Profile, task: SandboxTask): SandboxTask {
  if (task.user.kind !== "login" || profile.login.user === "root") return task;
  return { ...task, user: { kind: "name", name: profile.login.user } };
}
