import { realpath } from "node:fs/promises";
import { resolve, sep } from "node:path";
import type { EditFailure } from "../appliance/failure.ts";
import type { BuildEnvironment } from "../build/environment.ts";
import { formatOfName } from "../image/export-format.ts";
import { exportImage, exportTargets } from "../image/export-image.ts";
import { exportTarget } from "../image/export-target.ts";
import { failed, ok, type Result } from "../result.ts";
import { type SealReport, type SealRequest, withSealedDisk } from "../seal/seal-image.ts";
import type { Compression, ExportFormat } from "../store/qemu-img-argv.ts";
import { exitCode } from "./exit-code.ts";
import { type ImageSource, type SourceDisk, startNote, withSourceDisk } from "./image-source.ts";
import { orThrow, userError } from "./or-throw.ts";
import type { Writing } from "./output-files.ts";
import { UserError } from "./user-error.ts";

/** An image that is to be written. */
export interface OutputImage {
  /** Absolute. */
  readonly path: string;
  readonly format: ExportFormat;
  readonly compress?: Compression;
  readonly threads?: number;
  /** Whether its digest goes into the `SHA256SUMS` beside it. */
  readonly sums?: boolean;
}

/** What is to be sealed on the way, and for whom the report is. */
export type Sealing = Pick<SealRequest, "operations" | "publicKeys"> & {
  readonly onReport: (report: SealReport) => void | Promise<void>;
};

/**
 * The image of one `--output`; `formatFlag` is the flag that tells its format.
 *
 * @throws UserError when the format is not told, or told twice and differently
 */
export function imageOf(
  output: string,
  outputFormat: ExportFormat | undefined,
  formatFlag: string,
): OutputImage {
  const named = formatOfName(output);
  const format = outputFormat ?? named;
  if (format === undefined) {
    const files = formatFlag === "--output-format" ? "; PATH:DIR copies files out" : "";
    throw new UserError(`--output ${output}: the name does not tell the format`, {
      exitCode: exitCode.usage,
      hint: `end it in .qcow2, .img, .raw, .vmdk, .vhdx or .vdi, or say ${formatFlag}${files}`,
    });
  }
  if (named !== undefined && named !== format) {
    throw new UserError(`--output ${output}: the name says ${named}, ${formatFlag} ${format}`, {
      exitCode: exitCode.usage,
      hint: "leave one of them out",
    });
  }
  if (output.endsWith("/")) {
    throw new UserError(`--output ${output}: this names a directory, not a file`, {
      exitCode: exitCode.usage,
    });
  }
  return { path: resolve(output), format };
}

/**
 * Looks, before anything is built, whether the image can be written and takes the place of nothing
 * that the build needs.
 *
 * @throws UserError
 */
export async function checkImage(
  { path, sums = false }: OutputImage,
  { storeRoot, specPath }: { readonly storeRoot: string; readonly specPath?: string },
): Promise<void> {
  const target = orThrow(await exportTargets(path, { sums })).image.path;
  const refused = (why: string): UserError =>
    new UserError(`${path} cannot be written: ${why}`, { exitCode: exitCode.usage });
  if (await isInStore(target, storeRoot)) {
    throw refused("it is inside the store, which is vmbuild's own");
  }
  if (specPath === undefined) return;
  const spec = await realpath(specPath === "-" ? "/dev/stdin" : specPath).catch(() => undefined);
  if (target === spec) throw refused("it is the spec");
}

/** Whether a path without symlinks lies in the store. */
async function isInStore(path: string, storeRoot: string): Promise<boolean> {
  return path.startsWith((await realpath(storeRoot)) + sep);
}

/**
 * Refuses an image, without symlinks in its path, that is to be changed in place and that others are layered on, or would
 * be.
 *
 * @throws UserError with `hint`
 */
export async function refuseStore(path: string, storeRoot: string, hint: string): Promise<void> {
  if (!(await isInStore(await realpath(path), storeRoot))) return;
  throw new UserError(`${path} is inside the store, which is vmbuild's own`, {
    exitCode: exitCode.usage,
    hint,
  });
}

/** Writes what a source holds as an image, sealed when that is asked for. @throws UserError */
export async function writeImage(
  source: ImageSource,
  env: BuildEnvironment,
  output: OutputImage,
  writing: Writing & { readonly sealing?: Sealing },
): Promise<void> {
  const { status, signal, signalCode, sealing } = writing;
  const written = await withSourceDisk(source, env, signal, async (disk) => {
    if (sealing === undefined) return writeDisk(disk, output, writing);
    return writeSealed({ ...sealing, ...disk, env, signal }, output, { ...writing, sealing });
  });
  if (!written.ok) throw cutShort(written.error, signalCode());
  await status.print(`wrote ${output.path}\n`);
  const note = startNote(source);
  if (note !== undefined) await status.print(`note: ${note}\n`);
}

/** Writes a sealed copy of a disk. */
export async function writeSealed(
  request: Omit<SealRequest, "onPhase"> & SourceDisk,
  output: OutputImage,
  writing: Writing & { readonly sealing: Sealing },
): Promise<Result<void, EditFailure>> {
  const { status, sealing } = writing;
  const target = await exportTarget(output.path);
  if (!target.ok) return target;
  const since = performance.now();
  const sealed = await withSealedDisk(
    {
      ...request,
      overlayPath: target.value.stagedPath,
      onPhase: () => status.set(key, `sealing ${output.path}`, since),
    },
    (diskPath) => writeDisk({ diskPath, diskFormat: "qcow2" }, output, writing),
  );
  status.clear(key);
  if (!sealed.ok) return failed(sealed.error);
  const { report, value } = sealed.value;
  if (!value.ok) return value;
  await sealing.onReport(report);
  return ok();
}

/** What a cancelled command ends with: the signal that came, or its failure. */
export function cutShort(failure: EditFailure, signalCode: number | undefined): UserError {
  return signalCode === undefined || failure.reason === "edit-unfinished"
    ? userError(failure)
    : new UserError("cancelled", { exitCode: signalCode });
}

/** The status line has one entry for all that is written. */
const key = 0;

/** Writes a disk, with all it is layered on, as an image. */
export async function writeDisk(
  disk: SourceDisk,
  output: OutputImage,
  { status, signal }: Writing,
): Promise<Result<void, EditFailure>> {
  const since = performance.now();
  status.set(key, `writing ${output.path}`, since);
  const written = await exportImage({
    ...disk,
    ...output,
    signal,
    onProgress(fraction) {
      const percent = Math.floor(fraction * 100);
      status.set(key, `writing ${output.path} ${percent}%`, since);
    },
  });
  status.clear(key);
  return written;
}
