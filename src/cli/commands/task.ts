import { createBuildEnvironment } from "../../create-environment.ts";
import { exitCode } from "../exit-code.ts";
import { machineSettings } from "../machine-flags.ts";
import { openSettingsAndStore } from "../open-store.ts";
import { userError } from "../or-throw.ts";
import { outliveReader } from "../output.ts";
import { plainLines, liveStatus } from "../render/status-line.ts";
import { checkStandardInput, nameOf, readPart } from "../read-seed.ts";
import { givenSettings, type Settings } from "../settings.ts";
import { taskByCloudInit } from "../task-by-cloud-init.ts";
import { taskOnMachine } from "../task-on-machine.ts";
import type { TaskContext } from "../task-context.ts";
import type { TaskFlags } from "../task-flags.ts";
import { listenForTermination, type Termination } from "../terminate.ts";
import { UserError } from "../user-error.ts";
import { hasWishes } from "../wish-flags.ts";

/** `vmbuild task`: runs a script or a user-data in a guest; its exit status becomes the process'. */
export async function task(path: string, flags: TaskFlags): Promise<void> {
  outliveReader();
  checkStandardInput({ ...flags, userData: path });
  const bytes = await readPart(path, "a script or a user-data");
  const given = { name: nameOf(path), bytes };
  const isScript = Buffer.from(bytes.subarray(0, 2)).toString("latin1") === "#!";
  const { settings, store, layout } = await openSettingsAndStore({
    ...machineSettings(flags),
    ...givenSettings({ bootTimeoutMs: flags.bootTimeout, boot: flags.boot }),
  });
  const status =
    process.stderr.isTTY && flags.console !== true
      ? liveStatus(process.stderr)
      : plainLines(process.stderr);
  const note = (message: string): void => {
    if (flags.verbose === true) void status.print(`${message}\n`);
  };
  using termination = listenForTermination(() => {
    void status.print("stopping; once more to stop at once\n");
  });
  const timeout = flags.timeout === undefined ? undefined : AbortSignal.timeout(flags.timeout);
  const { signal: stop } = termination;
  const signal = timeout === undefined ? stop : AbortSignal.any([stop, timeout]);
  try {
    const env = createBuildEnvironment({ ...settings, store, contextDir: process.cwd(), note });
    const context: TaskContext = { env, layout, status, signal };
    const isWarm = isScript && (await goesOn(flags, settings, context));
    process.exitCode = isWarm
      ? await taskOnMachine(bytes, flags, context)
      : await taskByCloudInit({ ...given, isScript }, flags, context);
  } catch (error) {
    status.close();
    throw causeOf(error, termination, timeout?.aborted === true ? flags.timeout : undefined);
  } finally {
    status.close();
  }
}

/** Whether the task needs no boot of its own, nor anything that cloud-init would have to do. */
async function goesOn(
  flags: TaskFlags,
  settings: Settings,
  { env }: TaskContext,
): Promise<boolean> {
  const { disk, save, console, machine, firmware, cpu } = flags;
  const { metaData, vendorData, networkConfig } = flags;
  const asksForBoot =
    [disk, save, machine, firmware, cpu, metaData, vendorData, networkConfig].some(Boolean) ||
    console === true ||
    flags.cloudInit === "smbios" ||
    hasWishes(flags) ||
    settings.boot === "cold";
  if (asksForBoot) return false;
  return (await env.bases.list()).some(({ name }) => name === flags.image);
}

/** What the user has done comes before what it led to. */
function causeOf(error: unknown, termination: Termination, timeoutMs: number | undefined): unknown {
  const code = termination.exitCode();
  if (code !== undefined) return new UserError("cancelled", { exitCode: code });
  if (timeoutMs === undefined) return error;
  const { message } = userError({ reason: "command-timed-out", timeoutMs });
  return new UserError(message.replace("the command", "the task"), {
    exitCode: exitCode.commandFailed,
  });
}
