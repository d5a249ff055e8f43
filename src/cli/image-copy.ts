import { chmod, chown, rename, rm, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { checkDisk } from "../image/check-disk.ts";
import { exportTarget } from "../image/export-target.ts";
import { runProgram } from "../image/run-program.ts";
import { syncPath } from "../store/durable.ts";
import { errorText } from "../store/fs-failure.ts";
import { checkImage } from "../store/qemu-img.ts";
import { exitCode } from "./exit-code.ts";
import { orThrow, userError } from "./or-throw.ts";
import { UserError } from "./user-error.ts";

/** A copy of a user's image, beside it, to be changed. Disposing of it removes it, unless it is the image by then. */
export interface ImageCopy extends AsyncDisposable {
  readonly path: string;
  readonly format: "qcow2" | "raw";
  /** Checks the copy and puts it in the place of the image, in one step. @throws UserError */
  replaceImage(): Promise<void>;
}

/**
 * Copies an image, so that it stays as it is whatever becomes of the work on it. A symlink is followed. Where the file
 * system shares blocks (reflink), neither time nor room is taken.
 *
 * @throws UserError
 */
export async function copyImage(name: string, signal: AbortSignal): Promise<ImageCopy> {
  const format = orThrow(await checkDisk(resolve(name), signal));
  const { path: imagePath, stagedPath: path } = orThrow(await exportTarget(resolve(name)));
  const discard = () => rm(path, { force: true });
  const wrong = (message: string): UserError => new UserError(message, { exitCode: exitCode.host });
  try {
    const copied = orThrow(
      await runProgram(["cp", "--reflink=auto", "--sparse=always", "--", imagePath, path], {
        debianPackage: "coreutils",
        signal,
      }),
    );
    if (copied.exitCode !== 0) {
      if (/No space left on device|Disk quota exceeded/.test(copied.stderr)) {
        throw userError({ reason: "disk-full", path });
      }
      throw wrong(`${name} cannot be copied: ${copied.stderr}`);
    }
    await chmod(path, 0o600);
  } catch (error) {
    await discard();
    throw error;
  }
  return {
    path,
    format,
    async replaceImage() {
      if (format === "qcow2") await checkHealth(path, signal);
      if (signal.aborted) throw userError({ reason: "cancelled" });
      try {
        const { mode, uid, gid } = await stat(imagePath);
        const own = await stat(path);
        if (own.uid !== uid || own.gid !== gid) await chown(path, uid, gid);
        await chmod(path, mode & 0o7777);
        await syncPath(path);
        await rename(path, imagePath);
      } catch (error) {
        throw wrong(`${name} cannot be replaced: ${errorText(error)}`);
      }
    },
    [Symbol.asyncDispose]: discard,
  };
}

async function checkHealth(path: string, signal: AbortSignal): Promise<void> {
  const health = orThrow(await checkImage(path, { signal, repairLeaks: true }));
  if (health.kind === "clean") return;
  const message = health.kind === "corrupt" ? health.message : "leaks stay";
  throw userError({ reason: "disk-corrupt", path, message });
}
