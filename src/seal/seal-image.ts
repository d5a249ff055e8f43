/**
 * Sealing: taking out of an image what must not be in its clones. The image is not booted, and nothing of it is run.
 */
import { editImage } from "../appliance/edit-image.ts";
import type { EditPhase, EditRequest } from "../appliance/edit-disk.ts";
import type { EditReport } from "../appliance/edit-report.ts";
import { withEditedDisk } from "../appliance/edited-disk.ts";
import type { EditFailure } from "../appliance/failure.ts";
import type { SystemChoice } from "../appliance/volume-script.ts";
import type { BuildEnvironment } from "../build/environment.ts";
import { ok, type Result } from "../result.ts";
import type { SealOperation } from "./operations.ts";
import { sealScript } from "./seal-script.ts";

export interface SealRequest {
  /** Where the machine comes from that it is done in. */
  readonly env: BuildEnvironment;
  /** Absolute; the image of a guest that is off. */
  readonly diskPath: string;
  /** Absent when the disk has but one, that is not encrypted. */
  readonly system?: SystemChoice | undefined;
  /** See `selectOperations`. */
  readonly operations: readonly SealOperation[];
  /** Keys that have served to build the image, as lines of `authorized_keys`, for the operation `build-key`. */
  readonly publicKeys: readonly string[];
  readonly signal: AbortSignal;
  readonly onPhase?: (phase: EditPhase) => void;
}

/** One change that an operation made. */
export interface SealChange {
  readonly operation: string;
  readonly change: string;
  /** In the image. */
  readonly path: string;
}

/** Texts may come from the image, and can be shown. */
export interface SealReport {
  /** How the system calls itself; empty when it does not. */
  readonly system: string;
  readonly changes: readonly SealChange[];
  /** What somebody who uses the image should know. */
  readonly notes: readonly string[];
  /** Places whose journal had to be replayed, since the system was not shut down. */
  readonly replayed: readonly string[];
}

/** Seals an image in place. After a failure, but for `edit-unfinished`, it is as it was. */
export async function sealImage(request: SealRequest): Promise<Result<SealReport, EditFailure>> {
  const edited = await editImage({ ...request, script: scriptOf(request), trim: true });
  return edited.ok ? ok(sealReport(edited.value)) : edited;
}

/**
 * Gives `use` a sealed copy of a disk, a qcow2 overlay on it at `overlayPath`, a free name; it is removed when `use` has
 * ended. The disk stays as it is.
 */
export async function withSealedDisk<T>(
  request: SealRequest & Pick<EditRequest, "diskFormat"> & { readonly overlayPath: string },
  use: (diskPath: string) => Promise<T>,
): Promise<Result<{ readonly report: SealReport; readonly value: T }, EditFailure>> {
  const edit = { ...request, script: scriptOf(request), trim: true };
  const edited = await withEditedDisk(edit, request.overlayPath, use);
  if (!edited.ok) return edited;
  const { report, value } = edited.value;
  return ok({ report: sealReport(report), value });
}

function scriptOf({ operations, publicKeys }: SealRequest): string {
  return sealScript(operations, { publicKeys });
}

function sealReport({ systems, records, notes, replayed }: EditReport): SealReport {
  const changes: SealChange[] = [];
  const said: string[] = [];
  for (const [operation = "", change = "", path = ""] of records) {
    if (change === "note") said.push(`${operation}: ${path}`);
    else changes.push({ operation, change, path });
  }
  return { system: systems[0]?.name ?? "", changes, notes: [...said, ...notes], replayed };
}
