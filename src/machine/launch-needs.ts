import { ok, type Result } from "../result.ts";
import type { MachineFailure } from "./failure.ts";
import type { LaunchTuning } from "./launch-tuning.ts";
import type { MachineConfig } from "./machine.ts";
import { checkPrivateKey } from "./private-key.ts";
import { findProgram } from "./program.ts";
import { qemuPackage, qemuProgram } from "./qemu-argv.ts";
import { authMethods, type AuthMethod } from "./ssh-identity.ts";

/** What must be on the host before anything is started. */
export interface LaunchNeeds {
  /** QEMU. */
  readonly programPath: string;
  /** Absent for a machine that may outlive this process. */
  readonly setprivPath?: string;
  readonly methods: readonly AuthMethod[];
}

/** Finds QEMU, `setpriv` where QEMU must not outlive this process, and the keys to log in with. */
export async function findNeeds(
  { profile, storeIdentityPath, outliveParent }: MachineConfig,
  { searchPath }: LaunchTuning,
): Promise<Result<LaunchNeeds, MachineFailure>> {
  const qemu = await findProgram(
    { program: qemuProgram(profile.arch), debianPackage: qemuPackage(profile.arch) },
    searchPath,
  );
  if (!qemu.ok) return qemu;
  const methods = await authMethods({
    identity: profile.login.identity,
    storeIdentityPath,
    checkKey: checkPrivateKey,
  });
  if (!methods.ok) return methods;
  const needs = { programPath: qemu.value, methods: methods.value };
  if (outliveParent) return ok(needs);
  const setpriv = await findProgram(
    { program: "setpriv", debianPackage: "util-linux" },
    searchPath,
  );
  return setpriv.ok ? ok({ ...needs, setprivPath: setpriv.value }) : setpriv;
}
