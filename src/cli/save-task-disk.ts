import { join } from "node:path";
import { checkFree } from "../image/add-base.ts";
import { saveBase } from "../image/save-base.ts";
import type { Result } from "../result.ts";
import type { TaskFailure } from "../task/failure.ts";
import type { SeededEnd } from "../task/run-seeded.ts";
import type { TaskFlags } from "./task-flags.ts";
import { exitCode } from "./exit-code.ts";
import { orThrow } from "./or-throw.ts";
import { printWarning } from "./render/print-error.ts";
import type { TaskContext } from "./task-context.ts";
import type { TaskDisk } from "./task-disk.ts";
import { UserError } from "./user-error.ts";

/** Looks, before anything is booted, whether `--save` can have its name. @throws UserError */
export async function checkSave(
  { save, force }: TaskFlags,
  { layout }: TaskContext,
): Promise<void> {
  if (save !== undefined) orThrow(await checkFree(layout, save, force === true));
}

interface Outcome {
  /** The task's exit status. */
  readonly code: number;
  readonly ran: Result<SeededEnd, TaskFailure>;
}

/** Keeps the disk as a base image, when the task has succeeded and its guest was shut down. @throws UserError */
export async function saveTaskDisk(
  name: string,
  { diskPath, profile, workDir, hasLogin }: TaskDisk,
  { code, ran }: Outcome,
  { layout, status, signal }: TaskContext,
): Promise<void> {
  if (code !== 0) {
    printWarning(`--save: ${name} is not made, since the task has failed`);
    return;
  }
  if (!ran.ok || ran.value.isForced) {
    throw new UserError(`--save: ${name} is not made, since the guest was not shut down`, {
      exitCode: exitCode.guest,
      hint: "raise `power-off-timeout` in the base image's profile if it was still shutting down",
    });
  }
  status.set(0, `saving ${name}`);
  const saved = await saveBase({
    layout,
    name,
    diskPath,
    profile,
    stagedPath: join(workDir, "saved.qcow2"),
    signal,
  });
  orThrow(saved);
  process.stderr.write(`made base image ${name}\n`);
  if (!hasLogin) {
    const path = layout.baseImageProfile(name);
    printWarning(
      `nothing is known of how to log into ${name}: say it in ${path} before a build uses it`,
    );
  }
}
