/**
 * Editing an image where it is. It is left alone until the edit has gone well; what changed is then written into it,
 * by a process that nothing ends early.
 *
 * Writing does not take long, but a power cut may come in the middle. So the overlay is complete and synced before, and
 * its name then tells that it is to be written into that very file: after a cut it is still there, and writing it again
 * makes the image good.
 */
import { access, constants, realpath, rename, rm, stat, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { checkDisk } from "../image/check-disk.ts";
import { exportTarget } from "../image/export-target.ts";
import { failed, ok, type Result } from "../result.ts";
import { syncPath } from "../store/durable.ts";
import type { StoreFailure } from "../store/failure.ts";
import { attempt } from "../store/fs-failure.ts";
import { exists } from "../store/layer-file.ts";
import { commitOverlay } from "../store/qemu-img.ts";
import type { DiskFormat } from "../image/disk-format.ts";
import { editOnOverlay, type EditRequest } from "./edit-disk.ts";
import type { EditReport } from "./edit-report.ts";
import type { EditFailure } from "./failure.ts";

/** As {@link EditRequest}, of an image as a user names it: absolute, maybe a symlink, of any format. */
export type ImageEdit = Omit<EditRequest, "diskFormat">;

/** An image that can be edited. */
export interface EditableImage {
  /** Absolute, without symlinks. */
  readonly path: string;
  readonly format: DiskFormat;
}

/** Edits an image in place. After a failure, but for `edit-unfinished`, it is as it was. */
export async function editImage(edit: ImageEdit): Promise<Result<EditReport, EditFailure>> {
  const { diskPath, signal, onPhase } = edit;
  const image = await editableImage(diskPath, signal);
  if (!image.ok) return image;
  const { path, format } = image.value;
  const target = await exportTarget(path);
  if (!target.ok) return target;
  const looked = await attempt(path, async () => {
    await access(path, constants.W_OK);
    return lookOf(path);
  });
  if (!looked.ok) return failed(unwritable(looked.error, path));
  const overlayPath = target.value.stagedPath;
  const request = { ...edit, diskPath: path, diskFormat: format };
  const edited = await editOnOverlay(request, overlayPath);
  if (!edited.ok) return edited;
  onPhase?.("writing");
  const written = await writeInto({ path, look: looked.value, overlayPath, signal });
  return written.ok ? edited : written;
}

/** Looks whether an image can be edited, or be read for an edited one. */
export async function editableImage(
  diskPath: string,
  signal: AbortSignal,
): Promise<Result<EditableImage, EditFailure>> {
  const format = await checkDisk(diskPath, signal);
  if (!format.ok) {
    const { error } = format;
    return failed(
      error.reason === "base-unusable" ? { ...error, reason: "image-unusable" } : error,
    );
  }
  const found = await attempt(diskPath, async () => {
    const path = await realpath(diskPath);
    const overlayPath = await unfinishedPath(path);
    return { path, overlayPath, isUnfinished: await exists(overlayPath) };
  });
  if (!found.ok) return found;
  const { path, overlayPath, isUnfinished } = found.value;
  return isUnfinished
    ? failed({ reason: "edit-unfinished", path, overlayPath })
    : ok({ path, format: format.value });
}

/** The name of an overlay that is being written into an image. It has the inode: that of another file is not meant. */
async function unfinishedPath(path: string): Promise<string> {
  return join(dirname(path), `.vmbuild-edit-of-${(await stat(path)).ino}`);
}

/** What changes when somebody writes to the file. */
async function lookOf(path: string): Promise<string> {
  const { size, mtimeNs, ino, dev } = await stat(path, { bigint: true });
  return [size, mtimeNs, ino, dev].join(" ");
}

interface Commit {
  readonly path: string;
  /** Of the image when the overlay was put on it. */
  readonly look: string;
  readonly overlayPath: string;
  readonly signal: AbortSignal;
}

async function writeInto(commit: Commit): Promise<Result<void, EditFailure>> {
  const { path, overlayPath } = commit;
  const ready = await attempt(path, () => makeReady(commit));
  const unfinished = ready.ok ? ready.value : ready;
  if (!unfinished.ok) {
    await rm(overlayPath, { force: true });
    return unfinished;
  }
  const committed = await commitOverlay(unfinished.value);
  if (!committed.ok) {
    const { error } = committed;
    const message = "stderr" in error ? error.stderr : error.reason;
    // It is taken before anything is written.
    if (!/Failed to get .* lock/.test(message)) {
      return failed({ reason: "edit-unfinished", path, overlayPath: unfinished.value, message });
    }
    await rm(unfinished.value, { force: true });
    return failed({ reason: "edit-failed", path, message });
  }
  return attempt(path, async () => {
    await syncPath(path);
    await rm(unfinished.value);
  });
}

/** Gives the overlay its name as one that is being written, when nothing speaks against it. */
async function makeReady({
  path,
  look,
  overlayPath,
  signal,
}: Commit): Promise<Result<string, EditFailure>> {
  // What the image needs to grow by is at most what the overlay has.
  const [{ blocks }, { bavail, bsize }] = await Promise.all([stat(overlayPath), statfs(path)]);
  if (bavail * bsize < blocks * 512) return failed({ reason: "disk-full", path });
  await syncPath(overlayPath);
  if ((await lookOf(path)) !== look) {
    return failed({ reason: "edit-failed", path, message: "somebody else has written to it" });
  }
  if (signal.aborted) return failed({ reason: "cancelled" });
  const unfinished = await unfinishedPath(path);
  await rename(overlayPath, unfinished);
  await syncPath(dirname(path));
  return ok(unfinished);
}

function unwritable(error: StoreFailure, path: string): EditFailure {
  return error.reason === "store-unusable"
    ? { reason: "export-failed", path, message: error.message }
    : error;
}
