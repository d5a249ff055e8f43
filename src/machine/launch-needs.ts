import { ok, type Result } from "../result.ts";
import type { MachineFailure } from "./failure.ts";
import { findPrograms, type LaunchPrograms } from "./launch-programs.ts";
import type { LaunchTuning } from "./launch-tuning.ts";
import type { MachineConfig } from "./machine.ts";
import { checkPrivateKey } from "./private-key.ts";
import { authMethods, type AuthMethod } from "./ssh-identity.ts";

/** What must be on the host before anything is started. */
export interface LaunchNeeds extends LaunchPrograms {
  readonly methods: readonly AuthMethod[];
}

/** Finds the programs, and the keys to log in with. */
export async function findNeeds(
  config: MachineConfig,
  tuning: LaunchTuning,
): Promise<Result<LaunchNeeds, MachineFailure>> {
  const programs = await findPrograms(config, tuning);
  if (!programs.ok) return programs;
  const methods = await authMethods({
    identity: config.profile.login.identity,
    storeIdentityPath: config.storeIdentityPath,
    checkKey: checkPrivateKey,
  });
  return methods.ok ? ok({ ...programs.value, methods: methods.value }) : methods;
}
