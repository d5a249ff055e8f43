/** Reading a disk without booting it: as an edit of an overlay that is thrown away. */
import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BuildEnvironment } from "../build/environment.ts";
import { failed, ok, type Result } from "../result.ts";
import { attempt } from "../store/fs-failure.ts";
import { createOverlay } from "../store/qemu-img.ts";
import type { DiskFormat } from "../store/qemu-img-argv.ts";
import { type ToolsWanted, withAppliance } from "./borrow-appliance.ts";
import { edit } from "./edit-disk.ts";
import type { EditReport } from "./edit-report.ts";
import type { EditScriptOptions } from "./edit-script.ts";
import type { EditFailure } from "./failure.ts";
import type { SystemChoice } from "./volume-script.ts";

/** A disk and how to get at it. */
export interface DiskRequest {
  /** Where the appliance comes from. */
  readonly env: BuildEnvironment;
  /** A disk that nothing writes to, absolute; with all it is layered on. */
  readonly diskPath: string;
  readonly diskFormat: DiskFormat;
  readonly system?: SystemChoice | undefined;
  readonly signal: AbortSignal;
  /** Gets what could not be looked at, in words that can be shown. */
  readonly onNote?: (note: string) => void;
}

export interface ReadRequest extends DiskRequest, Pick<EditScriptOptions, "describe"> {
  /** As an edit's, but that it writes what it reads to `/dev/data`, in a form that has its own end. */
  readonly script: string;
}

/** What was read, and what was seen on the way. */
export interface ReadDisk<T> {
  readonly report: EditReport;
  readonly value: T;
}

/** What a reading works on. */
interface Scratch {
  readonly overlayPath: string;
  /** Where the script writes to. */
  readonly dataPath: string;
}

/** More than any disk holds; what is not written takes no room. */
const scratchBytes = 2 ** 40;

/**
 * Runs the script, and gives `use` the path of the file with what it has written, which is larger than that. The file
 * goes when `use` has ended. A journal is replayed on the overlay alone. Rejects with what `use` rejects with.
 */
export async function readDisk<T>(
  request: ReadRequest,
  use: (path: string) => Promise<T>,
): Promise<Result<ReadDisk<T>, EditFailure>> {
  const { env, diskPath, diskFormat, script, system, describe, signal, onNote } = request;
  const read = await withAppliance(
    env,
    {
      network: false,
      signal,
      async prepare(dir): Promise<Result<Scratch, EditFailure>> {
        const [overlayPath, dataPath] = [join(dir, "read.qcow2"), join(dir, "read")];
        const backing = { backingPath: diskPath, backingFormat: diskFormat };
        const created = await createOverlay({ path: overlayPath, ...backing }, signal);
        if (!created.ok) return created;
        return attempt(dataPath, async () => {
          await writeFile(dataPath, "", { flag: "wx", mode: 0o600 });
          await truncate(dataPath, scratchBytes);
          return { overlayPath, dataPath };
        });
      },
    },
    async (guest, scratch): Promise<Result<ReadDisk<T>, EditFailure | ToolsWanted>> => {
      if (!scratch.ok) return scratch;
      const { overlayPath, dataPath } = scratch.value;
      const edited = await edit(
        guest,
        { diskPath, script, dataPath, isWritable: true, system, describe, signal },
        overlayPath,
      );
      if (!edited.ok) return edited;
      for (const note of edited.value.notes) onNote?.(note);
      return ok({ report: edited.value, value: await use(dataPath) });
    },
  );
  return read.ok || read.error.reason !== "edit-failed"
    ? read
    : failed({ ...read.error, isReading: true });
}
