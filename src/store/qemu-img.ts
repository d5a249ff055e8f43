/** qemu-img as typed functions: what it prints and how it ends become values. */
import { failed, ok, type Result } from "../result.ts";
import type { StoreFailure } from "./failure.ts";
import { isRecord } from "./json.ts";
import {
  checkArgv,
  commitArgv,
  convertArgv,
  type ConvertRequest,
  createDiskArgv,
  createOverlayArgv,
  type ImageFormat,
  infoArgv,
  type OverlayRequest,
  rebaseArgv,
  type ExportFormat,
} from "./qemu-img-argv.ts";

/** What an image says about itself. */
export interface ImageInfo {
  /** Size of the disk a guest sees. */
  readonly virtualSizeBytes: number;
  /** Space the file takes. */
  readonly actualSizeBytes: number;
  /** The backing file as the image spells it. */
  readonly backingPath?: string;
  readonly backingFormat?: string;
  /** A file that a qcow2 or VMDK image's data is in, other than the image itself. */
  readonly dataPath?: string;
  /** QEMU found the image damaged while it was in use. */
  readonly corrupt: boolean;
}

/** What a check found. Leaked clusters waste space and harm nothing. */
export type ImageHealth =
  | { readonly kind: "clean" }
  | { readonly kind: "leaks" }
  | { readonly kind: "corrupt"; readonly message: string };

/** Creates an empty overlay. */
export async function createOverlay(
  request: OverlayRequest,
  signal?: AbortSignal,
): Promise<Result<void, StoreFailure>> {
  const run = await runQemuImg(createOverlayArgv(request), { signal });
  return run.ok ? expectSuccess(run.value, request.path) : run;
}

/** Puts a qcow2 overlay onto `backingPath`, an image below it; what lay between is in the overlay then. */
export async function rebaseOverlay(
  path: string,
  backingPath: string,
  signal?: AbortSignal,
): Promise<Result<void, StoreFailure>> {
  const run = await runQemuImg(rebaseArgv(path, backingPath), { signal });
  return run.ok ? expectSuccess(run.value, path) : run;
}

/** Describes an image of a known format. */
export async function imageInfo(
  path: string,
  format: ImageFormat,
  signal?: AbortSignal,
): Promise<Result<ImageInfo, StoreFailure>> {
  const run = await runQemuImg(infoArgv(path, format), { signal });
  if (!run.ok) {
    return run;
  }
  const success = expectSuccess(run.value, path);
  return success.ok ? ok(parseImageInfo(run.value.stdout)) : success;
}

/** Creates an empty disk. */
export async function createDisk(
  path: string,
  format: ExportFormat,
  sizeBytes: number,
  signal?: AbortSignal,
): Promise<Result<void, StoreFailure>> {
  const run = await runQemuImg(createDiskArgv(path, format, sizeBytes), { signal });
  return run.ok ? expectSuccess(run.value, path) : run;
}

/** Checks an image (qcow2 unless told) that is not raw, and that all it is backed by can be opened. */
export async function checkImage(
  path: string,
  options: {
    readonly repairLeaks?: boolean;
    readonly format?: ImageFormat;
    readonly signal?: AbortSignal;
  } = {},
): Promise<Result<ImageHealth, StoreFailure>> {
  const run = await runQemuImg(checkArgv(path, options), { signal: options.signal });
  if (!run.ok) {
    return run;
  }
  switch (run.value.exitCode) {
    case 0:
      return ok({ kind: "clean" });
    case 2:
      return ok({ kind: "corrupt", message: run.value.stderr });
    case 3:
      return ok({ kind: "leaks" });
    default:
      return failed(endedWithError(run.value, path));
  }
}

/**
 * Writes an image out in another form. `onProgress` gets the share done, 0 to 1.
 *
 * After a failure the target file may be left half-written: the caller writes to a temporary name.
 */
export async function convertImage(
  request: ConvertRequest,
  options: {
    readonly signal?: AbortSignal;
    readonly onProgress?: (fraction: number) => void;
  } = {},
): Promise<Result<void, StoreFailure>> {
  const { onProgress } = options;
  const run = await runQemuImg(convertArgv(request), {
    signal: options.signal,
    onStdout: (text) => {
      const percent = /\(([\d.]+)\/100%\)\s*$/.exec(text)?.[1];
      if (percent !== undefined) {
        onProgress?.(Number(percent) / 100);
      }
    },
  });
  return run.ok ? expectSuccess(run.value, request.path) : run;
}

/**
 * Writes what an overlay holds into the image it is on. Nothing ends it early, neither a signal nor the end of this
 * process: the image is neither the old nor the new one until it is done. After a failure it can be done again.
 */
export async function commitOverlay(path: string): Promise<Result<void, StoreFailure>> {
  const run = await runQemuImg(commitArgv(path), { detached: true });
  return run.ok ? expectSuccess(run.value, path) : run;
}

/** Reads the JSON `qemu-img info` prints. */
export function parseImageInfo(stdout: string): ImageInfo {
  const info: unknown = JSON.parse(stdout);
  if (!isRecord(info)) {
    throw new Error("Internal error: qemu-img info printed no JSON object");
  }
  const specific = isRecord(info["format-specific"]) ? info["format-specific"]["data"] : undefined;
  const data = isRecord(specific) ? specific : {};
  return {
    virtualSizeBytes: Number(info["virtual-size"]),
    actualSizeBytes: Number(info["actual-size"]),
    ...textField("backingPath", info["backing-filename"]),
    ...textField("backingFormat", info["backing-filename-format"]),
    ...textField("dataPath", data["data-file"] ?? foreignExtent(info["filename"], data["extents"])),
    corrupt: data["corrupt"] === true,
  };
}

/** The first of a VMDK image's extents that is in another file. */
function foreignExtent(own: unknown, extents: unknown): unknown {
  if (!Array.isArray(extents)) return undefined;
  const names: unknown[] = extents.map((extent: unknown) =>
    isRecord(extent) ? extent["filename"] : undefined,
  );
  return names.find((name) => name !== own);
}

function textField<K extends string>(key: K, value: unknown): { readonly [P in K]?: string } {
  return typeof value === "string" ? ({ [key]: value } as { [P in K]: string }) : {};
}

interface Run {
  readonly argv: readonly string[];
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

async function runQemuImg(
  argv: readonly string[],
  options: {
    readonly signal?: AbortSignal | undefined;
    readonly onStdout?: (text: string) => void;
    /** In a session of its own, which no key of a terminal reaches, and which goes on without this process. */
    readonly detached?: boolean;
  },
): Promise<Result<Run, StoreFailure>> {
  const { signal, onStdout, detached = false } = options;
  if (isAborted(signal)) {
    return failed({ reason: "cancelled" });
  }
  // Loaded here because a build whose layers all exist needs no qemu-img and should not wait for it.
  const { execa } = await import("execa");
  const subprocess = execa("qemu-img", argv, {
    reject: false,
    stdin: "ignore",
    // The messages are searched for the words of strerror(3).
    env: { LC_ALL: "C" },
    detached,
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  });
  if (onStdout !== undefined) {
    subprocess.stdout.on("data", (chunk: Buffer) => onStdout(chunk.toString()));
  }
  const result = await subprocess;
  if (result.failed && isAborted(signal)) {
    return failed({ reason: "cancelled" });
  }
  if (result.exitCode === undefined && result.code === "ENOENT") {
    return failed({
      reason: "program-missing",
      program: "qemu-img",
      debianPackage: "qemu-utils",
    });
  }
  const { exitCode, stdout } = result;
  const stderr =
    exitCode === undefined ? `${result.stderr}\n${result.shortMessage}` : result.stderr;
  return ok({ argv: ["qemu-img", ...argv], exitCode, stdout, stderr: stderr.trim() });
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function expectSuccess(run: Run, path: string): Result<void, StoreFailure> {
  return run.exitCode === 0 ? ok() : failed(endedWithError(run, path));
}

function endedWithError(run: Run, path: string): StoreFailure {
  return /No space left on device|Disk quota exceeded/.test(run.stderr)
    ? { reason: "disk-full", path }
    : { reason: "qemu-img-failed", argv: run.argv, stderr: run.stderr };
}
