import { rm } from "node:fs/promises";
import { ok, type Result } from "../result.ts";
import { editOnOverlay, type EditRequest } from "./edit-disk.ts";
import type { EditReport } from "./edit-report.ts";
import type { EditFailure } from "./failure.ts";

/** What `use` gave, and what was done before. */
export interface Edited<T> {
  readonly report: EditReport;
  readonly value: T;
}

/**
 * Gives `use` an edited copy of a disk, a qcow2 overlay on it at `overlayPath`, which is removed when `use` has ended.
 * The disk stays as it is.
 */
export async function withEditedDisk<T>(
  request: EditRequest,
  overlayPath: string,
  use: (diskPath: string) => Promise<T>,
): Promise<Result<Edited<T>, EditFailure>> {
  const edited = await editOnOverlay(request, overlayPath);
  if (!edited.ok) return edited;
  try {
    return ok({ report: edited.value, value: await use(overlayPath) });
  } finally {
    await rm(overlayPath, { force: true });
  }
}
