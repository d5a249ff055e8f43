/** Command lines of qemu-img, as pure functions. Formats are always given: a guest could fake what probing looks at. */

/** Formats that images of users may have, as qemu-img calls them. */
export const imageFormats = ["qcow2", "raw", "vmdk", "vhdx", "vdi", "vpc", "qed"] as const;
export type ImageFormat = (typeof imageFormats)[number];

/** Formats of disks that machines of ours run on. */
export type DiskFormat = Extract<ImageFormat, "qcow2" | "raw">;

/** Formats that images leave vmbuild in, the one to be built on first. */
export const exportFormats = ["qcow2", "raw", "vmdk", "vhdx", "vdi"] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** How the clusters of a qcow2 image are compressed. QEMU reads zstd since 5.1. */
export type Compression = "zstd" | "zlib";

/** An overlay to be created. */
export interface OverlayRequest {
  readonly path: string;
  /** As it is to be written into the overlay: in a store relative to the overlay's own directory. */
  readonly backingPath: string;
  readonly backingFormat: ImageFormat;
  /** Virtual size in bytes; absent takes the backing image's. */
  readonly sizeBytes?: number;
}

/** A disk image to be written out in another form. */
export interface ConvertRequest {
  readonly sourcePath: string;
  readonly sourceFormat: ImageFormat;
  readonly path: string;
  readonly format: ExportFormat;
  /** For qcow2 only. @default none */
  readonly compress?: Compression;
  /**
   * Pieces that are read, compressed and written at once, 1 to {@link mostThreads}. Compressed ones come in any order
   * unless it is 1, which gives the same bytes each time. @default qemu-img's own 8
   */
  readonly threads?: number;
}

/** As many as qemu-img takes. */
export const mostThreads = 16;

/** Creates an empty qcow2 overlay. */
export function createOverlayArgv(request: OverlayRequest): string[] {
  return [
    "create",
    "-q",
    "-f",
    "qcow2",
    "-b",
    request.backingPath,
    "-F",
    request.backingFormat,
    request.path,
    ...(request.sizeBytes === undefined ? [] : [String(request.sizeBytes)]),
  ];
}

/** Describes an image without opening what it is backed by. */
export function infoArgv(path: string, format: ImageFormat): string[] {
  return ["info", "--output=json", "-f", format, path];
}

/** Creates an empty disk. */
export function createDiskArgv(path: string, format: ExportFormat, sizeBytes: number): string[] {
  return ["create", "-q", "-f", format, path, String(sizeBytes)];
}

/** Checks an image (qcow2 unless told); with `repairLeaks` frees clusters that nothing refers to. */
export function checkArgv(
  path: string,
  options: { readonly repairLeaks?: boolean; readonly format?: ImageFormat } = {},
): string[] {
  const { repairLeaks = false, format = "qcow2" } = options;
  const repair = repairLeaks ? ["-r", "leaks"] : [];
  return ["check", "--output=json", "-f", format, ...repair, path];
}

/** Writes an image and all it is backed by as one; runs of zeros become holes. */
export function convertArgv(request: ConvertRequest): string[] {
  const { compress, threads } = request;
  return [
    "convert",
    "-p",
    "-f",
    request.sourceFormat,
    "-O",
    request.format,
    ...(threads === undefined ? [] : ["-m", String(threads)]),
    ...(compress === undefined ? [] : ["-c", "-o", `compression_type=${compress}`]),
    // In order, qemu-img compresses a piece when all before it are written, and so no two at once.
    ...(compress === undefined || threads === 1 ? [] : ["-W"]),
    request.sourcePath,
    request.path,
  ];
}

/**
 * Puts an overlay onto another image of its own chain, and copies what lay between into it. Relative names are
 * taken from the overlay's directory.
 */
export function rebaseArgv(path: string, backingPath: string): string[] {
  return ["rebase", "-f", "qcow2", "-F", "qcow2", "-b", backingPath, path];
}

/**
 * Writes what an overlay holds into the image it is on, which may be smaller afterwards: what was trimmed is given
 * back. The overlay stays as it is, so that the command can be given again after a failure.
 */
export function commitArgv(path: string): string[] {
  return ["commit", "-q", "-f", "qcow2", "-d", path];
}
