/**
 * Customizing: operations on an image that is not booted. On an overlay, in the appliance, in the order in which they are
 * asked for.
 */
import { join } from "node:path";
import { editImage } from "../appliance/edit-image.ts";
import type { EditPhase, EditRequest, EditScriptMaker } from "../appliance/edit-disk.ts";
import type { EditReport } from "../appliance/edit-report.ts";
import { type Edited, withEditedDisk } from "../appliance/edited-disk.ts";
import type { EditFailure } from "../appliance/failure.ts";
import type { CommandWatcher } from "../appliance/report-reader.ts";
import type { SystemChoice } from "../appliance/volume-script.ts";
import type { BuildEnvironment } from "../build/environment.ts";
import { ok, type Result } from "../result.ts";
import { errorCode } from "../store/fs-failure.ts";
import { customizeScript } from "./customize-script.ts";
import type { SettledOperation } from "./operation.ts";
import { hasData, writeData } from "./write-data.ts";

export interface CustomizeRequest {
  /** Where the machine comes from that it is done in. */
  readonly env: BuildEnvironment;
  /** Absolute; the image of a guest that is off. */
  readonly diskPath: string;
  readonly operations: readonly SettledOperation[];
  /** Lets the image's programs reach the network. */
  readonly network: boolean;
  /** Absent when the disk has but one, that is not encrypted. */
  readonly system?: SystemChoice | undefined;
  readonly signal: AbortSignal;
  readonly onPhase?: (phase: EditPhase) => void;
  /** Gets what the image's programs print. */
  readonly watcher?: CommandWatcher;
}

/** Customizes an image in place. After a failure, but for `edit-unfinished`, it is as it was. */
export function customizeImage(
  request: CustomizeRequest,
): Promise<Result<EditReport, EditFailure>> {
  return editImage({ ...request, script: scriptOf(request) });
}

/** Gives `use` a customized copy of a disk, as `withEditedDisk` does. */
export function withCustomizedDisk<T>(
  request: CustomizeRequest & Pick<EditRequest, "diskFormat">,
  overlayPath: string,
  use: (diskPath: string) => Promise<T>,
): Promise<Result<Edited<T>, EditFailure>> {
  return withEditedDisk({ ...request, script: scriptOf(request) }, overlayPath, use);
}

function scriptOf({ operations, network }: CustomizeRequest): EditScriptMaker {
  return async (dir, signal) => {
    if (!hasData(operations)) return ok({ script: customizeScript(operations, { network }) });
    const dataPath = join(dir, "data");
    try {
      const placed = await writeData(operations, dataPath, signal);
      if (!placed.ok) return placed;
      return ok({ script: customizeScript(placed.value, { network }), dataPath });
    } catch (error) {
      const code = errorCode(error);
      if (code === "ENOSPC" || code === "EDQUOT") {
        return { ok: false, error: { reason: "disk-full", path: dataPath } };
      }
      if (signal.aborted) return { ok: false, error: { reason: "cancelled" } };
      throw error;
    }
  };
}
