import type { StepFailure } from "../build/failure.ts";

/** What can go wrong when an image is edited without being booted. Nothing has changed then, but for the last one. */
export type EditFailure =
  | StepFailure
  /** It is no disk image, or one that cannot be edited. */
  | {
      readonly reason: "image-unusable";
      readonly path: string;
      readonly message: string;
      readonly hint: string;
    }
  /** No file system of the image holds a system; `volumes` are those there are, in words. */
  | { readonly reason: "no-system"; readonly path: string; readonly volumes: readonly string[] }
  /** Several hold one. */
  | {
      readonly reason: "several-systems";
      readonly path: string;
      readonly systems: readonly string[];
    }
  /** Something of the host's that the edit needs; `wanted` says what for, and `message` is a clause that follows the path. */
  | {
      readonly reason: "edit-input-unusable";
      readonly wanted: string;
      readonly path: string;
      readonly message: string;
    }
  /** The appliance could not do it; `message` is what it said. */
  | {
      readonly reason: "edit-failed";
      readonly path: string;
      readonly message: string;
      /** Of a command of the image's that failed. */
      readonly exitStatus?: number;
      /** True when the image was only to be read. @default false */
      readonly isReading?: boolean;
      /** True when it was asked for what cannot be done in this image. @default false */
      readonly isImpossible?: boolean;
    }
  /** The change was made and only a part of it is in the image: what is at `overlayPath` has all of it. */
  | {
      readonly reason: "edit-unfinished";
      readonly path: string;
      readonly overlayPath: string;
      /** Why; absent when that was earlier. */
      readonly message?: string;
    };
