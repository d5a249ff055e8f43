import type { StepId } from "../plan/step.ts";
import type { Profile } from "../profile/profile.ts";

/** `layer.json`: what a layer is, enough to boot and explain it when its spec and base name are gone. */
export interface LayerMetadata {
  /** Version of this record. */
  readonly version: 1;
  readonly id: StepId;
  readonly parent?: StepId;
  readonly op: "from" | "run" | "copy";
  /** The directive on one line, as the spec spelt it. */
  readonly heading: string;
  /** Name and content digest of the base image at the bottom of the chain. */
  readonly base: { readonly name: string; readonly digest: string };
  /** The profile in force when the layer was made; kernel and firmware paths in it are relative to the store. */
  readonly profile: Profile;
  /** True when the disk is that of a guest that was not shut down. */
  readonly running?: boolean;
  /** RFC 3339 time of the promotion. */
  readonly createdAt: string;
  /** How long the step took, from its stage to its promotion. */
  readonly durationMs: number;
  /** Version of vmbuild that made the layer. */
  readonly vmbuild: string;
}

/** A promoted layer: complete, consistent, durable, and its disk never changes again. */
export interface Layer {
  readonly id: StepId;
  readonly dir: string;
  readonly diskPath: string;
  readonly logPath: string;
  /** Where the layer's suspended machine is, if it has one. */
  readonly suspendedDir: string;
  readonly metadata: LayerMetadata;
}

/** A name for a layer. */
export interface Tag {
  readonly name: string;
  readonly id: StepId;
}
