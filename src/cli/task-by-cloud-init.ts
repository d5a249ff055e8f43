/** A task that cloud-init does: the guest is booted with a seed, and shut down when it is done. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { withInstanceId } from "../cloudinit/instance-id.ts";
import type { Part } from "../cloudinit/multipart.ts";
import { reportingVendorData } from "../cloudinit/reporter.ts";
import { scriptTask } from "../cloudinit/script-task.ts";
import type { Profile } from "../profile/profile.ts";
import type { Result } from "../result.ts";
import type { TaskFailure } from "../task/failure.ts";
import { runSeeded, type SeededEnd } from "../task/run-seeded.ts";
import type { TaskFlags } from "./task-flags.ts";
import { exitCode } from "./exit-code.ts";
import { guestHardware } from "./guest-hardware.ts";
import { taskError } from "./or-throw.ts";
import { type GivenUserData, type PartialSeed, readSeed } from "./read-seed.ts";
import { readWishes } from "./read-wishes.ts";
import { printWarning } from "./render/print-error.ts";
import { checkSave, saveTaskDisk } from "./save-task-disk.ts";
import { deliverSeed } from "./seed-delivery.ts";
import { type TaskContext, taskOutput } from "./task-context.ts";
import { openTaskDisk } from "./task-disk.ts";
import { UserError } from "./user-error.ts";

/** What is to be done. */
export interface GivenTask extends GivenUserData {
  /** A script's output and exit status are its own; of a user-data it is cloud-init's status that counts. */
  readonly isScript: boolean;
}

/**
 * Does the task in the image's guest; gives the exit status. Whatever comes of it, the guest is shut down.
 *
 * @throws UserError
 */
export async function taskByCloudInit(
  task: GivenTask,
  flags: TaskFlags,
  context: TaskContext,
): Promise<number> {
  const { env, status, signal } = context;
  const seed = await seedOf(task, flags);
  await checkSave(flags, context);
  await using disk = await openTaskDisk(flags, context);
  const { profile, workDir } = disk;
  const hardware = await guestHardware(profile, flags, env, { workDir, signal });
  // A guest that cannot fetch anything is given a disk.
  const way = flags.cloudInit === "smbios" && flags.network ? "smbios" : "seed";
  const vendorData = reportingVendorData(seed.vendorData, ownParts(profile));
  const metaData = withInstanceId(seed.metaData, `vmbuild-${randomUUID()}`);
  await using delivery = await deliverSeed({ ...seed, vendorData, metaData }, way, workDir);
  const write = taskOutput(status);
  status.set(0, `${flags.image}: booting`);
  const ran = await runSeeded(
    {
      machine: {
        ...hardware,
        ...delivery.config,
        diskPath: disk.diskPath,
        diskFormat: "qcow2",
        isDurable: disk.isPersistent,
        network: flags.network,
        forwards: [],
      },
      output: flags.console === true ? "terminal" : task.isScript ? "task" : "console-since-start",
      consolePath: join(workDir, "console"),
      silentMs: flags.bootTimeout ?? profile.bootTimeoutMs,
      powerOffTimeoutMs: profile.powerOffTimeoutMs,
    },
    {
      signal,
      onOutput: task.isScript ? write : (chunk) => write(withoutReturns(chunk)),
      onStarted: () => status.set(0, `${flags.image}: cloud-init`),
      onMachine: (pid) => disk.machineStarted(pid),
    },
  );
  status.close();
  const code = exitStatus(task, ran);
  if (flags.save !== undefined) await saveTaskDisk(flags.save, disk, { code, ran }, context);
  return code;
}

/** The user's files with the task in them. */
async function seedOf(task: GivenTask, flags: TaskFlags) {
  const wishes = await readWishes(flags, process.env);
  const outcome = "nothing is started";
  if (!task.isScript) return withUserData(await readSeed(flags, wishes, outcome, task));
  const { files, run } = scriptTask(task.bytes);
  const more = { ...wishes, files, run: [...(wishes.run ?? []), run] };
  return withUserData(await readSeed(flags, more, outcome));
}

function withUserData({ userData, ...seed }: PartialSeed) {
  if (userData === undefined) throw new Error("Internal error: a task without a user-data");
  return { ...seed, userData };
}

/**
 * A system that was made for vmbuild keeps its host key, by which it is known, and has no need of others, which take long
 * to make; its locale is as it was made, too.
 */
function ownParts({ login }: Profile): readonly Part[] {
  if (login.hostKey === undefined) return [];
  const text =
    "#cloud-config\nssh_deletekeys: false\nssh_genkeytypes: [ed25519]\nlocale: C.UTF-8\n";
  return [{ content: Buffer.from(text), type: "text/cloud-config", filename: "vmbuild-system" }];
}

/** As `cloud-init status` has it for a user-data: 0 done, 1 error, 2 degraded. @throws UserError */
function exitStatus({ isScript }: GivenTask, ran: Result<SeededEnd, TaskFailure>): number {
  const taskStatus = ran.ok
    ? ran.value.taskStatus
    : ran.error.reason === "cloud-init-failed"
      ? ran.error.taskStatus
      : undefined;
  if (!ran.ok) {
    if (!isScript || taskStatus === undefined) throw taskError(ran.error);
    printWarning(taskError(ran.error).message);
    return taskStatus;
  }
  const { warnings, isDegraded, isForced } = ran.value;
  for (const warning of warnings) printWarning(`cloud-init: ${warning}`);
  if (isForced) {
    printWarning("the guest ignored its power button and was switched off");
  }
  if (!isScript) return isDegraded ? degraded : exitCode.success;
  if (taskStatus === undefined) {
    throw new UserError("cloud-init is done, but has not run the script", {
      exitCode: exitCode.guest,
      hint: "the image has to leave runcmd and scripts-user among its cloud-init modules",
    });
  }
  return taskStatus;
}

const degraded = 2;

/** A serial console ends its lines as a terminal wants them. */
function withoutReturns(chunk: Buffer): Buffer {
  return Buffer.from(chunk.toString("latin1").replaceAll("\r", ""), "latin1");
}
