import type { BaseImages } from "../image/base-images.ts";
import type { CopyItem } from "../plan/step.ts";
import type { Profile } from "../profile/profile.ts";
import type { Result } from "../result.ts";
import type { CopyTarOptions, Resources, Sandbox } from "../sandbox/sandbox.ts";
import type { ManifestTar } from "../context/tar-stream.ts";
import type { Store } from "../store/store.ts";
import type { MachineFailure } from "../machine/failure.ts";
import type { EventSink } from "./event.ts";
import type { MachineSlots } from "./machine-slots.ts";
import type { SharedSteps } from "./shared-steps.ts";

/** Everything a build works with. Tests put their own sandbox in. */
export interface BuildEnvironment {
  readonly store: Store;
  readonly sandbox: Sandbox;
  /** What all builds with this environment work on; a step that several want is built once. */
  readonly steps: SharedSteps;
  readonly bases: BaseImages;
  /** What a machine of this profile gets; the first call may run the accelerator probe. */
  readonly resources: (
    profile: Profile,
    signal: AbortSignal,
  ) => Promise<Result<Resources, MachineFailure>>;
  readonly context: BuildContext;
  /** Bytes of output kept in a step's log. */
  readonly logLimitBytes: number;
  /** The places for machines of all builds with this environment. */
  readonly slots: MachineSlots;
  /** Bytes that suspended machines may take; absent leaves it to the store. */
  readonly warmBudgetBytes?: number;
  /**
   * The values of secrets by their ids. They are kept in memory alone, reach a guest's RAM alone, and are masked in
   * the output of every step, see `SecretMask`. Absent is none.
   */
  readonly secrets?: ReadonlyMap<string, Uint8Array>;
  /** Leave a failed step's machine running, unless it has held a secret. */
  readonly keepFailed: boolean;
  /** Version recorded in the layers. */
  readonly version: string;
}

/** The host directory that `copy` reads. */
export interface BuildContext {
  /** See `CopyTask.openTar`. */
  readonly openTar: (items: readonly CopyItem[], options: CopyTarOptions) => ManifestTar;
}

export interface BuildOptions {
  readonly signal: AbortSignal;
  /** After a failure, go on with every step that does not need what failed. @default false */
  readonly keepGoing?: boolean;
  readonly onEvent: EventSink;
}
