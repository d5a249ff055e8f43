import { createBuildEnvironment } from "../../create-environment.ts";
import { exitCode } from "../exit-code.ts";
import { machineSettings } from "../machine-flags.ts";
import { openSettingsAndStore } from "../open-store.ts";
import { userError } from "../or-throw.ts";
import { outliveReader } from "../output.ts";
import { plainLines, liveStatus } from "../render/status-line.ts";
import { checkStandardInput, nameOf, readPart } from "../read-seed.ts";
import { givenSettings } from "../settings.ts";
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
    const obstacle =
      settings.boot === "cold" ? "it is to boot" : await warmObstacle(flags, isScript, context);
    if (obstacle !== undefined && flags.boot === "warm") throw notWarm(obstacle);
    process.exitCode =
      obstacle === undefined
        ? await taskOnMachine(bytes, flags, context)
        : await taskByCloudInit({ ...given, isScript }, flags, context);
  } catch (error) {
    status.close();
    throw causeOf(error, termination, timeout?.aborted === true ? flags.timeout : undefined);
  } finally {
    status.close();
  }
}

/** What about a task needs a boot of its own, as a clause; undefined when a suspended machine can do it. */
async function warmObstacle(
  flags: TaskFlags,
  isScript: boolean,
  { env }: TaskContext,
): Promise<string | undefined> {
  if (!isScript) return "user-data is read while a guest boots";
  const { disk, save, console, machine, firmware, cpu } = flags;
  const { metaData, vendorData, networkConfig } = flags;
  const booting = {
    "--disk": disk !== undefined,
    "--save": save !== undefined,
    "--console": console === true,
    "--machine": machine !== undefined,
    "--firmware": firmware !== undefined,
    "--cpu": cpu !== undefined,
    "--meta-data": metaData !== undefined,
    "--vendor-data": vendorData !== undefined,
    "--network-config": networkConfig !== undefined,
    "--cloud-init": flags.cloudInit === "smbios",
    "what cloud-init is to do for it": hasWishes(flags),
  };
  for (const [name, isGiven] of Object.entries(booting)) {
    if (isGiven) return `${name} needs a boot`;
  }
  const isBase = (await env.bases.list()).some(({ name }) => name === flags.image);
  return isBase ? undefined : `${flags.image} is no base image`;
}

function notWarm(obstacle: string): UserError {
  return new UserError(`the task cannot go on with a suspended machine: ${obstacle}`, {
    exitCode: exitCode.usage,
    hint: "leave out --boot warm",
  });
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
