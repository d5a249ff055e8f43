import type { GuestArch } from "../profile/profile.ts";
import { ok, type Result } from "../result.ts";
import type { MachineFailure } from "./failure.ts";
import type { LaunchTuning } from "./launch-tuning.ts";
import { findProgram } from "./program.ts";
import { qemuPackage, qemuProgram } from "./qemu-argv.ts";

/** The programs a machine is started with. */
export interface LaunchPrograms {
  /** QEMU. */
  readonly programPath: string;
  /** Absent for a machine that may outlive this process. */
  readonly setprivPath?: string;
}

/** What decides the programs. */
export interface MachineKind {
  readonly profile: { readonly arch: GuestArch };
  readonly outliveParent: boolean;
}

/** Finds QEMU, and `setpriv` where QEMU must not outlive this process. */
export async function findPrograms(
  { profile, outliveParent }: MachineKind,
  { searchPath }: Pick<LaunchTuning, "searchPath">,
): Promise<Result<LaunchPrograms, MachineFailure>> {
  const qemu = await findProgram(
    { program: qemuProgram(profile.arch), debianPackage: qemuPackage(profile.arch) },
    searchPath,
  );
  if (!qemu.ok) return qemu;
  const programPath = qemu.value;
  if (outliveParent) return ok({ programPath });
  const setpriv = await findProgram(
    { program: "setpriv", debianPackage: "util-linux" },
    searchPath,
  );
  return setpriv.ok ? ok({ programPath, setprivPath: setpriv.value }) : setpriv;
}
