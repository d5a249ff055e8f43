/**
 * Base images: what `from` names. A disk, how to boot it and log in (its profile), known by content.
 */
import type { ImageInput } from "../plan/step.ts";
import type { Profile } from "../profile/profile.ts";
import type { Result } from "../result.ts";
import type { ImageFailure } from "./failure.ts";

/** A name as it stands in the store now. */
export interface BaseImage {
  readonly name: string;
  /** The disk's file, absolute. */
  readonly diskPath: string;
  /** The profile's file, when there is one. */
  readonly profilePath?: string;
  /** SHA-256 of the disk's content, lower-case hex. */
  readonly digest: string;
  readonly profile: Profile;
  /** What the plan needs of it. */
  readonly input: ImageInput;
}

/** A base image in the form layers are built on. */
export interface ImportedImage {
  readonly format: "qcow2" | "raw";
  /** The profile with kernel and firmware files as paths relative to the store. */
  readonly profile: Profile;
}

/** One row of `vmbuild base ls`. */
export interface BaseImageEntry {
  readonly name: string;
  readonly diskPath?: string;
  readonly sizeBytes?: number;
  /** Why the image cannot be used, when it cannot. */
  readonly problem?: ImageFailure;
  readonly profile?: Profile;
}

export interface BaseImages {
  /**
   * Looks a name up and tells its digest. The disk is read only when it changed since it was last
   * read. Writes nothing but what it remembers.
   */
  resolve(name: string, signal: AbortSignal): Promise<Result<BaseImage, ImageFailure>>;
  /**
   * Brings the image into the store under its digest, with the kernel and firmware its profile names,
   * so that no later change of the user's files reaches a layer. Fails with `base-changed` when the
   * content is no longer `digest`. Does nothing when it is there already.
   */
  import(
    name: string,
    digest: string,
    signal: AbortSignal,
  ): Promise<Result<ImportedImage, ImageFailure>>;
  /** A layer's profile with its store-relative paths made absolute. */
  bootableProfile(profile: Profile): Profile;
  list(): Promise<readonly BaseImageEntry[]>;
}
