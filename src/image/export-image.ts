import { rename, rm } from "node:fs/promises";
import { extname } from "node:path";
import { failed, ok, type Result } from "../result.ts";
import { syncPath } from "../store/durable.ts";
import { errorText } from "../store/fs-failure.ts";
import { convertImage } from "../store/qemu-img.ts";
import type { DiskFormat } from "./disk-format.ts";
import { exportTarget } from "./export-target.ts";
import type { ImageFailure } from "./failure.ts";

export interface ExportRequest {
  /** qcow2 disk of a guest that is off, with all it is layered on; see `withShutDownDisk`. */
  readonly diskPath: string;
  /** Where the image is to be, absolute. A file there is replaced in one step, a symlink is followed. */
  readonly path: string;
  readonly format: DiskFormat;
  readonly signal: AbortSignal;
  /** Share done, 0 to 1. */
  readonly onProgress?: (fraction: number) => void;
}

/** The format a file's name asks for: `.qcow2`, or `.raw` and `.img` for raw; undefined for others. */
export function formatOfName(path: string): DiskFormat | undefined {
  switch (extname(path)) {
    case ".qcow2":
      return "qcow2";
    case ".raw":
    case ".img":
      return "raw";
    default:
      return undefined;
  }
}

/**
 * Writes a disk, with all it is layered on, as one image without backing file. Fails before it
 * writes anything where an image cannot be, see `exportTarget`.
 */
export async function exportImage(request: ExportRequest): Promise<Result<void, ImageFailure>> {
  const { diskPath, format, signal, onProgress } = request;
  const target = await exportTarget(request.path);
  if (!target.ok) return target;
  const { path, stagedPath } = target.value;
  try {
    const converted = await convertImage(
      { sourcePath: diskPath, sourceFormat: "qcow2", path: stagedPath, format },
      { signal, ...(onProgress === undefined ? {} : { onProgress }) },
    );
    if (!converted.ok) return converted;
    await syncPath(stagedPath);
    await rename(stagedPath, path);
    return ok();
  } catch (error) {
    return failed({ reason: "export-failed", path, message: errorText(error) });
  } finally {
    await rm(stagedPath, { force: true }).catch(() => {});
  }
}
