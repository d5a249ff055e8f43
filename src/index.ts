/**
 * vmbuild as a library: read a spec, plan it, build it. Everything else is internal.
 *
 * Failures are values (`Result`), events are data, and an `AbortSignal` stops whatever runs.
 */
export { failed, ok, type Failed, type Ok, type Result } from "./result.ts";

export { decodeText } from "./spec/decode-text.ts";
export type { Diagnostic } from "./spec/diagnostic.ts";
export { formatSpec } from "./spec/format.ts";
export { parseSpec, type ParsedSpec } from "./spec/parse-spec.ts";
export { renderDiagnostic } from "./spec/render-diagnostic.ts";
export type { SourceRange, SourceText } from "./spec/source.ts";
export type * from "./spec/spec.ts";

export {
  toDockerfile,
  type Dockerfile,
  type DockerfileOptions,
} from "./dockerfile/to-dockerfile.ts";

export { planToJson, type PlanJson } from "./plan/plan-json.ts";
export { planSpec } from "./plan/plan-spec.ts";
export type { Plan, PlanInputs } from "./plan/plan.ts";
export type { Step, StepId } from "./plan/step.ts";

export { openStore } from "./store/open-store.ts";
export type { Layer, Store, Tag } from "./store/store.ts";
export type {
  DeleteOptions,
  Inventory,
  InventoryLayer,
  PruneItem,
  PruneLimits,
  PruneReport,
} from "./store/upkeep.ts";
export type { StoredFile } from "./store/stored-file.ts";
export type { StoreFailure } from "./store/failure.ts";

export type { Profile } from "./profile/profile.ts";
export type { BaseImage, BaseImages } from "./image/base-images.ts";
export type { ImageFailure } from "./image/failure.ts";
export { withShutDownDisk } from "./build/shut-down-disk.ts";
export { exportImage } from "./image/export-image.ts";

export { type SealOperation, sealOperations } from "./seal/operations.ts";
export { selectOperations, type UnknownOperation } from "./seal/select-operations.ts";
export {
  sealImage,
  withSealedDisk,
  type SealChange,
  type SealReport,
  type SealRequest,
} from "./seal/seal-image.ts";
export type { EditFailure } from "./appliance/failure.ts";

export { buildPlan } from "./build/build-plan.ts";
export { createBuildEnvironment, type EnvironmentRequest } from "./create-environment.ts";
export type { BuildEnvironment, BuildOptions } from "./build/environment.ts";
export type { BuildEvent, EventSink, StepRef } from "./build/event.ts";
export type { BuildFailure, FailedBuild, StepFailure } from "./build/failure.ts";
export { gatherInputs, type GatherOptions, type InputProblem } from "./build/gather-inputs.ts";
export { imageNames, type ImageNameProblem, type ImageNames } from "./build/image-names.ts";
