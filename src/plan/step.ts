/**
 * A step: one directive that makes a layer, with everything that decides its result.
 */
import type { CacheMount, SecretMount, User } from "../spec/spec.ts";
import type { SourceRange } from "../spec/source.ts";
import type { Manifest } from "./manifest.ts";

/** SHA-256 of a step's inputs, 64 lower-case hex digits; it names the layer. */
export type StepId = string & { readonly __brand: "StepId" };

/** Who runs a command: an account, or whoever the profile logs in as. */
export type StepUser = User | { readonly kind: "login" };

/** What `workdir`, `env`, `user` and `shell` have folded into at some point of a spec. */
export interface StepContext {
  /** Absolute path in the guest. */
  readonly workdir: string;
  /** Sorted by name, one value per name. */
  readonly env: readonly (readonly [name: string, value: string])[];
  readonly user: StepUser;
  /** The argv to which a command's text is appended. */
  readonly shell: readonly string[];
}

export type Step = FromStep | RunStep | CopyStep;

interface StepBase {
  readonly id: StepId;
  /** The names of the builds this step stands in, outermost first; empty for the main build. */
  readonly build: readonly string[];
  /** The directive on one line, as the spec spells it. */
  readonly heading: string;
  readonly range: SourceRange;
}

/** Makes the first layer of a build out of a base image, or takes a tagged layer as it is. */
export interface FromStep extends StepBase {
  readonly op: "from";
  readonly base: BaseInput;
  /** Size the disk is grown to, in bytes; absent keeps the base's size. */
  readonly diskSizeBytes?: number;
}

export interface RunStep extends StepBase {
  readonly op: "run";
  readonly parent: StepId;
  readonly context: StepContext;
  readonly command: string;
  /** True when the spec says `(network host)` or `(network nat)`. */
  readonly network: boolean;
  readonly secrets: readonly SecretMount[];
  readonly caches: readonly CacheMount[];
  readonly timeoutMs?: number;
  /** A `(reboot)` stands before this step: it must start on a freshly booted machine. */
  readonly freshBoot: boolean;
}

export interface CopyStep extends StepBase {
  readonly op: "copy";
  readonly parent: StepId;
  readonly user: StepUser;
  readonly source: CopyInput;
  readonly items: readonly CopyItem[];
  readonly freshBoot: boolean;
}

export type CopyInput =
  | { readonly kind: "context" }
  /** `paths` are copied out of the finished build whose last layer is `id`. */
  | {
      readonly kind: "build";
      readonly name: string;
      readonly id: StepId;
      readonly paths: readonly BuildPath[];
      /** Base names left out at every depth below each path (never a path itself); sorted, without duplicates. */
      readonly exclude: readonly string[];
    };

/** One path in a finished build and where it goes; what lies there is only known once that build has run. */
export interface BuildPath {
  /** Absolute path in the other build's guest. */
  readonly path: string;
  /** Absolute path in this guest that the file or directory itself gets. */
  readonly destination: string;
}

/** One source of a `copy` and where it goes; for `(from (build …))` there are none before it has run. */
export interface CopyItem {
  readonly manifest: Manifest;
  /** Absolute path in the guest that the source itself (manifest path `""`) gets. */
  readonly destination: string;
}

/** What `from` resolved to. */
export type BaseInput = ImageInput | LayerInput;

interface BaseInputCommon {
  /** The name the spec uses. */
  readonly name: string;
  readonly initial: StepContext;
}

export interface ImageInput extends BaseInputCommon {
  readonly kind: "image";
  /** SHA-256 of the disk image's content, lower-case hex. */
  readonly digest: string;
  /** The profile fields that change what a guest sees, by name, JSON-serialisable. */
  readonly guest: Readonly<Record<string, unknown>>;
  /** Size the profile wants the disk grown to, in bytes; `PlanInputs.diskSizeBytes` goes before it. */
  readonly diskSizeBytes?: number;
}

/** A layer that an earlier build named with a tag. */
export interface LayerInput extends BaseInputCommon {
  readonly kind: "layer";
  readonly id: StepId;
}
