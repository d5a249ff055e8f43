import { rename, rm } from "node:fs/promises";
import { basename } from "node:path";
import { failed, ok, type Result } from "../result.ts";
import { syncPath } from "../store/durable.ts";
import { errorCode, errorText } from "../store/fs-failure.ts";
import { convertImage } from "../store/qemu-img.ts";
import type { Compression, DiskFormat, ExportFormat } from "../store/qemu-img-argv.ts";
import { sha256File } from "../store/sha256-file.ts";
import { type ExportTarget, exportTarget } from "./export-target.ts";
import type { ImageFailure } from "./failure.ts";
import { inTurn } from "./file-turn.ts";
import { sumsPathOf, writeSum } from "./sha256-sums.ts";

export interface ExportRequest {
  /** Disk of a guest that is off, with all it is layered on; see `withShutDownDisk`. */
  readonly diskPath: string;
  /** @default "qcow2" */
  readonly diskFormat?: DiskFormat;
  /** Where the image is to be, absolute. A file there is replaced in one step, a symlink is followed. */
  readonly path: string;
  readonly format: ExportFormat;
  /** For qcow2 only. @default none */
  readonly compress?: Compression;
  /** As of `ConvertRequest`. @default qemu-img's own 8 */
  readonly threads?: number;
  /** Writes the image's digest into the `SHA256SUMS` beside it. @default false */
  readonly sums?: boolean;
  readonly signal: AbortSignal;
  /** Share done, 0 to 1. */
  readonly onProgress?: (fraction: number) => void;
}

/** Where an image and, if it is to have one, its sum are written. */
interface ExportTargets {
  readonly image: ExportTarget;
  readonly sums?: ExportTarget;
}

/**
 * Tells, leaving nothing behind, whether an image and its sum can be written, before anything is done for them.
 */
export async function exportTargets(
  path: string,
  { sums = false }: { readonly sums?: boolean } = {},
): Promise<Result<ExportTargets, ImageFailure>> {
  const image = await exportTarget(path);
  if (!image.ok) return image;
  if (!sums) return ok({ image: image.value });
  const sumsPath = sumsPathOf(image.value.path);
  if (sumsPath === image.value.path) {
    const message = "its own sum would take its place";
    return failed({ reason: "export-target-unusable", path, message });
  }
  const beside = await exportTarget(sumsPath);
  return beside.ok ? ok({ image: image.value, sums: beside.value }) : beside;
}

/**
 * Writes a disk, with all it is layered on, as one image without backing file. Fails before it
 * writes anything where an image cannot be, see {@link exportTargets}. Whatever fails, or when the signal is aborted,
 * the file that was there is as it was and nothing is left beside it.
 */
export async function exportImage(request: ExportRequest): Promise<Result<void, ImageFailure>> {
  const { diskPath, diskFormat = "qcow2", format, compress, threads, signal } = request;
  const { onProgress } = request;
  const targets = await exportTargets(request.path, request);
  if (!targets.ok) return targets;
  const { image, sums } = targets.value;
  try {
    const converted = await convertImage(
      {
        sourcePath: diskPath,
        sourceFormat: diskFormat,
        path: image.stagedPath,
        format,
        ...(compress === undefined ? {} : { compress }),
        ...(threads === undefined ? {} : { threads }),
      },
      { signal, ...(onProgress === undefined ? {} : { onProgress }) },
    );
    if (!converted.ok) {
      return converted.error.reason === "disk-full"
        ? failed({ ...converted.error, path: image.path })
        : converted;
    }
    // At once: what is hashed comes from the page cache, while the disk is busy.
    const [digest] = await Promise.all([
      sums === undefined ? "" : sha256File(image.stagedPath, signal),
      syncPath(image.stagedPath),
    ]);
    const place = async (): Promise<Result<void, ImageFailure>> => {
      if (sums !== undefined) await writeSum(sums, basename(image.path), digest);
      if (signal.aborted) return failed({ reason: "cancelled" });
      await rename(image.stagedPath, image.path);
      if (sums !== undefined) await rename(sums.stagedPath, sums.path);
      return ok();
    };
    return await (sums === undefined ? place() : inTurn(sums.path, place));
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined) throw error;
    if (code === "ENOSPC" || code === "EDQUOT") {
      return failed({ reason: "disk-full", path: image.path });
    }
    return failed({ reason: "export-failed", path: image.path, message: errorText(error) });
  } finally {
    for (const staged of [image.stagedPath, sums?.stagedPath]) {
      if (staged !== undefined) await rm(staged, { force: true }).catch(() => {});
    }
  }
}
