import type { ProfileFailure } from "../profile/failure.ts";
import type { StoreFailure } from "../store/failure.ts";

/** What can go wrong with base images. */
export type ImageFailure =
  | StoreFailure
  /** No image of that name. */
  | {
      readonly reason: "base-missing";
      readonly name: string;
      readonly dir: string;
      readonly available: readonly string[];
      /** The names that vmbuild has a recipe for. */
      readonly recipes: readonly string[];
    }
  | { readonly reason: "base-name-invalid"; readonly name: string; readonly message: string }
  /** Several files could be the disk. */
  | {
      readonly reason: "base-ambiguous";
      readonly name: string;
      readonly candidates: readonly string[];
    }
  /** The disk cannot be a base: it has a backing file, a data file, or is not a disk image. */
  | {
      readonly reason: "base-unusable";
      readonly path: string;
      readonly message: string;
      readonly hint: string;
    }
  /** The spec pins another content than the image has. */
  | {
      readonly reason: "base-digest-mismatch";
      readonly name: string;
      readonly expected: string;
      readonly actual: string;
    }
  /** What an image is to be made of is no disk, or not one that can be read alone. `name` is what the user calls it. */
  | {
      readonly reason: "input-unusable";
      readonly name: string;
      readonly message: string;
      readonly hint?: string;
    }
  /** The size that is asked for would cut off the end of the disk. */
  | {
      readonly reason: "image-would-shrink";
      readonly name: string;
      readonly sizeBytes: number;
      readonly inputBytes: number;
    }
  /** There is a file where an image is to be, and it is not to be replaced. */
  | { readonly reason: "image-exists"; readonly path: string }
  /** The file changed while it was imported. */
  | { readonly reason: "base-changed"; readonly path: string }
  /** A layer's base image file is no longer in the store, or no longer what it was. */
  | { readonly reason: "base-damaged"; readonly path: string; readonly message: string }
  | { readonly reason: "base-exists"; readonly name: string }
  /** A tag has the name, and `from` could not tell the two apart. */
  | { readonly reason: "base-name-is-tag"; readonly name: string }
  | {
      readonly reason: "recipe-missing";
      readonly name: string;
      readonly available: readonly string[];
    }
  | {
      readonly reason: "recipe-failed";
      readonly name: string;
      readonly exitCode?: number;
      readonly message: string;
    }
  /** The user handed in a medium that the recipe does not read. */
  | { readonly reason: "recipe-medium-unused"; readonly name: string; readonly medium: string }
  | ProfileFailure
  /** An image must not or cannot be written there, whatever is built. */
  | { readonly reason: "export-target-unusable"; readonly path: string; readonly message: string }
  /** The image could not be written where the user wants it. */
  | { readonly reason: "export-failed"; readonly path: string; readonly message: string };
