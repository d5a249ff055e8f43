import { link, rm, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { detectFormat } from "../image/disk-format.ts";
import { exportTarget } from "../image/export-target.ts";
import { syncPath } from "../store/durable.ts";
import { errorCode, errorText } from "../store/fs-failure.ts";
import { convertImage } from "../store/qemu-img.ts";
import { openRegularFile } from "../store/regular-file.ts";
import { type BootDisk, openBootDisk } from "./boot-disk.ts";
import type { TaskFlags } from "./task-flags.ts";
import { exitCode } from "./exit-code.ts";
import { orThrow } from "./or-throw.ts";
import type { TaskContext } from "./task-context.ts";
import { UserError } from "./user-error.ts";

/** A qcow2 disk for a task. */
export type TaskDisk = Omit<BootDisk, "diskFormat">;

/**
 * The disk that a task works on: a throw-away overlay of the image, or the user's own with `--disk`, which is made of the
 * image when it is missing. Its profile is the image's.
 *
 * QEMU locks a disk that it writes to, so that there is one task on it at a time.
 *
 * @throws UserError
 */
export async function openTaskDisk(
  { image, disk, arch }: TaskFlags,
  { env, status, signal }: TaskContext,
): Promise<TaskDisk> {
  const opened = await openBootDisk({ image, env, persist: false, arch, signal });
  if (disk === undefined) return opened;
  try {
    const path = resolve(disk);
    if ((await stat(path).catch(() => undefined)) === undefined) {
      status.set(0, `making ${disk}`);
      await makeDisk(opened.diskPath, path, signal);
    }
    await checkQcow2(path, disk);
    return { ...opened, diskPath: path, isPersistent: true };
  } catch (error) {
    await opened[Symbol.asyncDispose]();
    throw error;
  }
}

/** By its first bytes alone: one that another machine writes to cannot be looked at further. @throws UserError */
async function checkQcow2(path: string, name: string): Promise<void> {
  const wrong = (message: string, hint?: string): UserError =>
    new UserError(`--disk: ${message}`, {
      exitCode: exitCode.badInput,
      ...(hint === undefined ? {} : { hint }),
    });
  const opened = await openRegularFile(path);
  if (!opened.ok) throw wrong(`${name} cannot be used: ${opened.error.message}`);
  await using file = opened.value;
  if ((await detectFormat(file)) === "qcow2") return;
  throw wrong(
    `${name} is not a qcow2 disk`,
    `name a file that is not there yet, or convert it: qemu-img convert -O qcow2 ${name} FILE`,
  );
}

/** Writes all of an image to a file of its own, which is there when it is complete. */
async function makeDisk(sourcePath: string, path: string, signal: AbortSignal): Promise<void> {
  const target = orThrow(await exportTarget(path));
  const { stagedPath } = target;
  try {
    const source = { sourcePath, sourceFormat: "qcow2" } as const;
    orThrow(await convertImage({ ...source, path: stagedPath, format: "qcow2" }, { signal }));
    await syncPath(stagedPath);
    // Whoever comes second finds the disk of who came first.
    await link(stagedPath, target.path);
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined) throw error;
    if (code !== "EEXIST") {
      throw new UserError(`--disk: ${path} cannot be written: ${errorText(error)}`, {
        exitCode: exitCode.host,
      });
    }
  } finally {
    await rm(stagedPath, { force: true });
  }
}
