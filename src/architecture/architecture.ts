import type { Checksum } from "../download/checksum.ts";
import type { Source } from "../download/source.ts";
import type { ImageFormat, ExportFormat } from "../store/qemu-img-argv.ts";

/** What an architecture file describes: images that are to be made, as gen-vm-image documents them. */
export interface Architecture {
  readonly owner: string;
  /** In the order of the file; there is at least one. */
  readonly images: readonly ArchitectureImage[];
}

export interface ArchitectureImage {
  /** What the file calls it. */
  readonly key: string;
  /** Can be a part of a file's name. */
  readonly name: string;
  /** The same. */
  readonly version?: string;
  /** What it is made of; absent makes an empty disk. */
  readonly input?: ImageInput;
  readonly format: ExportFormat;
  /** Of the disk a guest sees; a whole number of sectors. */
  readonly sizeBytes: number;
}

export interface ImageInput {
  readonly source: Source;
  /** As it was written. */
  readonly text: string;
  /** Absent when the file does not say. */
  readonly format?: ImageFormat;
  readonly checksum?: Checksum;
}

/** The name of an image's file among those of others: `NAME-VERSION.FORMAT`, or `NAME.FORMAT`. */
export function fileNameOf({ name, version, format }: ArchitectureImage): string {
  return `${version === undefined ? name : `${name}-${version}`}.${format}`;
}
