import { randomBytes } from "node:crypto";
import { rename, rm, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { failed, ok, type Result } from "../result.ts";
import { syncPath } from "../store/durable.ts";
import { convertImage } from "../store/qemu-img.ts";
import type { Layer } from "../store/store.ts";
import type { DiskFormat } from "./disk-format.ts";
import type { ImageFailure } from "./failure.ts";

export interface ExportRequest {
  readonly layer: Layer;
  /** Where the image is to be, absolute. Replaced in one step when it is there. */
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

/** Writes a layer's disk, with all it is layered on, as one image without backing file. */
export async function exportImage(request: ExportRequest): Promise<Result<void, ImageFailure>> {
  const { path, signal } = request;
  const dir = dirname(path);
  const isDirectory = (await stat(dir).catch(() => undefined))?.isDirectory() === true;
  if (!isDirectory) {
    return failed({ reason: "export-failed", path, message: `there is no directory ${dir}` });
  }
  const staged = join(dir, `.${basename(path)}.${randomBytes(4).toString("hex")}.tmp`);
  try {
    const converted = await convertImage(
      {
        sourcePath: request.layer.diskPath,
        sourceFormat: "qcow2",
        path: staged,
        format: request.format,
      },
      { signal, ...(request.onProgress === undefined ? {} : { onProgress: request.onProgress }) },
    );
    if (!converted.ok) return converted;
    await syncPath(staged);
    await rename(staged, path);
    return ok();
  } catch (error) {
    return failed({ reason: "export-failed", path, message: (error as Error).message });
  } finally {
    await rm(staged, { force: true });
  }
}
