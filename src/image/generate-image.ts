import { link, mkdir, realpath, rename, rm, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { failed, ok, type Result } from "../result.ts";
import { attempt, errorCode, errorText } from "../store/fs-failure.ts";
import type { StoreLayout } from "../store/layout.ts";
import { newOwner } from "../store/owner.ts";
import { checkImage, convertImage, createDisk, createOverlay } from "../store/qemu-img.ts";
import type { ImageFormat, ExportFormat } from "../store/qemu-img-argv.ts";
import { type ExportTarget, exportTarget } from "./export-target.ts";
import type { ImageFailure } from "./failure.ts";
import { giveTo } from "./image-owner.ts";
import { type InputDisk, inputDisk } from "./input-disk.ts";

export interface GenerateRequest<F> {
  /** Of the store that has room for what is needed meanwhile. */
  readonly layout: StoreLayout;
  /** What the image is made of; absent makes an empty disk. */
  readonly input?: {
    /** Absolute. */
    readonly path: string;
    /** What messages call it. */
    readonly name: string;
    readonly format?: ImageFormat;
    /** Looks at the input while the image is made of it; when that fails, there is none. */
    readonly verify?: (signal: AbortSignal) => Promise<Result<void, F>>;
  };
  /** Absolute. Its directory is there; a symlink is followed. */
  readonly path: string;
  readonly format: ExportFormat;
  /** Of the disk a guest sees. */
  readonly sizeBytes: number;
  /** Cuts off what is beyond the size, instead of failing. */
  readonly shrink: boolean;
  /** Replaces a file that is there, instead of failing. */
  readonly overwrite: boolean;
  /** A user's name, or a uid. */
  readonly owner: string;
  readonly signal: AbortSignal;
  /** Share done, 0 to 1. */
  readonly onProgress?: (fraction: number) => void;
}

export interface GeneratedImage {
  /** Why it is not the owner's, as a clause; absent when it is. */
  readonly ownerProblem?: string;
}

/**
 * Makes a disk image of another one, or an empty one: converted, of the size that is asked for, checked, its owner's, and
 * then in its place in one step. Leaves nothing when it fails.
 */
export async function generateImage<F>(
  request: GenerateRequest<F>,
): Promise<Result<GeneratedImage, ImageFailure | F>> {
  const { input, signal } = request;
  const disk =
    input === undefined
      ? undefined
      : await inputDisk({ ...input, ...declaredIn(input.format) }, signal);
  if (disk !== undefined && !disk.ok) return disk;
  const target = await exportTarget(request.path);
  if (!target.ok) return target;
  const allowed = await checkRequest(request, disk?.value, target.value);
  if (!allowed.ok) return allowed;
  try {
    return await generate(request, disk?.value, target.value);
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    return failed({ reason: "export-failed", path: request.path, message: errorText(error) });
  } finally {
    await rm(target.value.stagedPath, { force: true });
  }
}

function declaredIn(format: ImageFormat | undefined): { declared?: ImageFormat } {
  return format === undefined ? {} : { declared: format };
}

async function checkRequest<F>(
  { layout, input, path, sizeBytes, shrink, overwrite }: GenerateRequest<F>,
  disk: InputDisk | undefined,
  target: ExportTarget,
): Promise<Result<void, ImageFailure>> {
  if (target.path.startsWith((await realpath(layout.root)) + sep)) {
    const message = "it is inside the store, which is vmbuild's own";
    return failed({ reason: "export-target-unusable", path, message });
  }
  if (!overwrite && (await isThere(target.path))) return failed({ reason: "image-exists", path });
  if (input !== undefined && (await realpath(input.path)) === target.path) {
    const message = "it is the disk that the image is made of";
    return failed({ reason: "export-target-unusable", path, message });
  }
  if (disk !== undefined && sizeBytes < disk.sizeBytes && !shrink) {
    const { name } = input ?? { name: path };
    return failed({ reason: "image-would-shrink", name, sizeBytes, inputBytes: disk.sizeBytes });
  }
  return ok();
}

async function generate<F>(
  request: GenerateRequest<F>,
  disk: InputDisk | undefined,
  { path, stagedPath }: ExportTarget,
): Promise<Result<GeneratedImage, ImageFailure | F>> {
  const { input, owner, overwrite, signal } = request;
  const ends = new AbortController();
  const verifying = input?.verify?.(AbortSignal.any([signal, ends.signal]));
  const written = await writeAndCheck(request, disk, stagedPath);
  if (!written.ok) ends.abort();
  const verified = await verifying;
  if (!written.ok) return written;
  if (verified !== undefined && !verified.ok) return verified;
  const ownerProblem = await giveTo(stagedPath, owner);
  if (signal.aborted) return failed({ reason: "cancelled" });
  const placed = await (overwrite ? replace(stagedPath, path) : place(stagedPath, path));
  if (!placed) return failed({ reason: "image-exists", path: request.path });
  return ok(ownerProblem === undefined ? {} : { ownerProblem });
}

async function writeAndCheck<F>(
  request: GenerateRequest<F>,
  disk: InputDisk | undefined,
  path: string,
): Promise<Result<void, ImageFailure>> {
  const { format, signal } = request;
  const written = await write(request, disk, path);
  if (!written.ok && written.error.reason === "disk-full") {
    return failed({ ...written.error, path: request.path });
  }
  // A raw disk has nothing to check.
  if (!written.ok || format === "raw") return written;
  const health = await checkImage(path, { format, signal });
  if (!health.ok) return health;
  return health.value.kind === "corrupt"
    ? failed({ reason: "disk-corrupt", path: request.path, message: health.value.message })
    : ok();
}

async function write<F>(
  { layout, input, format, sizeBytes, signal, onProgress }: GenerateRequest<F>,
  disk: InputDisk | undefined,
  path: string,
): Promise<Result<void, ImageFailure>> {
  if (input === undefined || disk === undefined) {
    return createDisk(path, format, sizeBytes, signal);
  }
  const options = { signal, ...(onProgress === undefined ? {} : { onProgress }) };
  if (disk.sizeBytes === sizeBytes) {
    const source = { sourcePath: input.path, sourceFormat: disk.format };
    return convertImage({ ...source, path, format }, options);
  }
  // An overlay has any size, in whatever format the image is written, and nothing is written twice.
  const workDir = layout.stateStage(await newOwner());
  const sourcePath = join(workDir, "resized.qcow2");
  try {
    const made = await attempt(workDir, () => mkdir(workDir, { mode: 0o700 }));
    if (!made.ok) return made;
    const backing = { backingPath: input.path, backingFormat: disk.format };
    const overlay = await createOverlay({ path: sourcePath, ...backing, sizeBytes }, signal);
    if (!overlay.ok) return overlay;
    return await convertImage({ sourcePath, sourceFormat: "qcow2", path, format }, options);
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

async function replace(from: string, to: string): Promise<true> {
  await rename(from, to);
  return true;
}

/** A rename would replace what has come meanwhile, which a link does not. False when there is something. */
async function place(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    const code = errorCode(error);
    if (code === "EEXIST") return false;
    // File systems without hard links.
    if (code !== "EPERM" && code !== "ENOTSUP" && code !== "EOPNOTSUPP") throw error;
    if (await isThere(to)) return false;
    return await replace(from, to);
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false;
    throw error;
  }
}
