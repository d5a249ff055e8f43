import { rm } from "node:fs/promises";
import { ok, type Result } from "../result.ts";
import type { MachineFailure } from "./failure.ts";
import type { LaunchPrograms } from "./launch-programs.ts";
import { startQemu, type MonitoredQemu } from "./monitored-qemu.ts";
import { makeRuntimeDir, type RuntimeDir } from "./runtime-dir.ts";

/** A QEMU that has just been started, with the private directory of its sockets. */
export interface StartedMachine {
  readonly qemu: MonitoredQemu;
  readonly runtimeDir: RuntimeDir;
  /** Kills QEMU if it still runs and removes the directory. */
  readonly discard: () => Promise<void>;
}

export interface StartOptions extends LaunchPrograms {
  /** Where the directory may be, best first. */
  readonly runtimeParents: readonly string[];
  /** QEMU's arguments, without the program. */
  readonly argv: (dir: RuntimeDir) => readonly string[];
  /** QEMU gets the standard input and output of this process. @default false */
  readonly onTerminal?: boolean;
}

/** Makes the directory and starts QEMU. After a failure nothing is left of either. */
export async function startMachine(
  options: StartOptions,
): Promise<Result<StartedMachine, MachineFailure>> {
  const { programPath, setprivPath, onTerminal = false } = options;
  const made = await makeRuntimeDir(options.runtimeParents);
  if (!made.ok) return made;
  const runtimeDir = made.value;
  const removeDir = () => rm(runtimeDir.path, { recursive: true, force: true });
  const argv = [programPath, ...options.argv(runtimeDir)] as const;
  const started = await startQemu(
    { argv, onTerminal, ...(setprivPath === undefined ? {} : { setprivPath }) },
    runtimeDir.qmpPath,
  );
  if (!started.ok) {
    await removeDir();
    return started;
  }
  const qemu = started.value;
  return ok({
    qemu,
    runtimeDir,
    discard: async () => {
      qemu.kill();
      await qemu.ended;
      await removeDir();
    },
  });
}
