/**
 * Editing a disk without booting it: on an overlay, in the appliance.
 *
 *     overlay -> plugged into the appliance -> the script in its system -> unmounted, flushed
 *
 * What becomes of the overlay is the caller's. The disk itself is only read.
 */
import { rm, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { BuildEnvironment } from "../build/environment.ts";
import { failed, ok, type Result } from "../result.ts";
import { noDiskCode } from "../sandbox/posix-files.ts";
import type { LentGuest } from "../sandbox/sandbox.ts";
import { rootShell } from "../sandbox/posix-command.ts";
import { runScript } from "../sandbox/remote-script.ts";
import { createOverlay } from "../store/qemu-img.ts";
import type { DiskFormat } from "../store/qemu-img-argv.ts";
import { type ToolsWanted, withAppliance } from "./borrow-appliance.ts";
import type { EditReport } from "./edit-report.ts";
import { editScript, type EditScriptOptions } from "./edit-script.ts";
import type { EditFailure } from "./failure.ts";
import { type CommandWatcher, ReportReader } from "./report-reader.ts";
import type { SystemChoice } from "./volume-script.ts";

/** Where an edit is, for progress. */
export type EditPhase = "starting" | "editing" | "writing";

/** A script, and what it reads. */
export interface EditScriptWithData {
  readonly script: string;
  /** A file of whole sectors, which the script finds at `/dev/data`; absent when it reads nothing. */
  readonly dataPath?: string;
  /** Whether the script writes to it instead, and syncs it: the disk is only read then. @default false */
  readonly isWritable?: boolean;
}

/** Makes a script while the appliance starts, and what it reads in a directory that goes with it. */
export type EditScriptMaker = (
  dir: string,
  signal: AbortSignal,
) => Promise<Result<EditScriptWithData, EditFailure>>;

export interface EditRequest {
  /** Where the appliance comes from. */
  readonly env: BuildEnvironment;
  /** The disk of a guest that is off, absolute. */
  readonly diskPath: string;
  /** Stated, never probed. */
  readonly diskFormat: DiskFormat;
  /** Run as root in the disk's system by busybox' shell; see `editScript`. */
  readonly script: string | EditScriptMaker;
  /** Lets what the script runs reach the network. @default false */
  readonly network?: boolean;
  /** Gives back all free space of the disk's file systems. @default false */
  readonly trim?: boolean;
  readonly system?: SystemChoice | undefined;
  readonly signal: AbortSignal;
  readonly onPhase?: (phase: EditPhase) => void;
  /** Gets what commands of the image's print. */
  readonly watcher?: CommandWatcher | undefined;
}

/**
 * Makes a qcow2 overlay on the disk at `overlayPath`, a free name, and runs the script on it. After a failure the
 * overlay is gone.
 */
export async function editOnOverlay(
  request: EditRequest,
  overlayPath: string,
): Promise<Result<EditReport, EditFailure>> {
  const { env, diskPath, diskFormat, signal, onPhase } = request;
  onPhase?.("starting");
  let isDone = false;
  try {
    const backing = { backingPath: diskPath, backingFormat: diskFormat };
    let creating: ReturnType<typeof createOverlay> | undefined;
    const prepare = async (dir: string): Promise<Result<EditScriptWithData, EditFailure>> => {
      creating ??= createOverlay({ path: overlayPath, ...backing }, signal);
      const { script } = request;
      const [created, made] = await Promise.all([
        creating,
        typeof script === "string" ? ok({ script }) : script(dir, signal),
      ]);
      return created.ok ? made : created;
    };
    const { network = false } = request;
    const edited = await withAppliance(env, { network, signal, prepare }, async (guest, made) => {
      if (!made.ok) return made;
      onPhase?.("editing");
      return edit(guest, { ...request, ...made.value }, overlayPath);
    });
    isDone = edited.ok;
    return edited;
  } finally {
    if (!isDone) await rm(overlayPath, { force: true });
  }
}

type EditJob = Pick<EditRequest, "diskPath" | "trim" | "system" | "signal" | "watcher"> &
  Pick<EditScriptOptions, "describe"> &
  EditScriptWithData;

/** Does it in an appliance that is there, on an overlay that is there. What the script has written as data is complete. */
export async function edit(
  { session, profile, hotPlug }: LentGuest,
  job: EditJob,
  overlayPath: string,
): Promise<Result<EditReport, EditFailure | ToolsWanted>> {
  const { diskPath: path, script, dataPath, isWritable = false } = job;
  const { trim, system, describe, signal, watcher = {} } = job;
  const refused = (message: string): Result<never, EditFailure> =>
    failed({ reason: "edit-failed", path, message });
  const plugged = await hotPlug.plug({ path: overlayPath, format: "qcow2" }, signal);
  if (!plugged.ok) return signal.aborted ? failed({ reason: "cancelled" }) : refused(plugged.error);
  const data =
    dataPath === undefined
      ? undefined
      : await hotPlug.plug({ path: dataPath, format: "raw", writable: isWritable }, signal);
  if (data?.ok === false) {
    return signal.aborted ? failed({ reason: "cancelled" }) : refused(data.error);
  }
  const reader = new ReportReader(watcher);
  const answer = await runScript(session, {
    command: rootShell(profile),
    stdin: editScript(plugged.value.lun, script, {
      ...system,
      dataLun: data?.value.lun,
      trim,
      reading: isWritable,
      describe,
    }),
    signal,
    stdoutTo: (chunk) => reader.take(chunk),
  });
  if (!answer.ok) {
    const { error } = answer;
    return failed(error.reason === "disk-full" ? await fullDisk(error, overlayPath) : error);
  }
  const { code, stderr } = answer.value;
  if (code === noDiskCode) return refused("the appliance does not find the disk");
  const report = reader.report();
  const { systems, volumes, wanting } = report;
  if (wanting !== undefined) return failed({ reason: "tools-wanted" });
  if (systems.length === 0 && code !== 0 && report.failed === undefined && volumes.length > 0) {
    return failed({ reason: "no-system", path, volumes });
  }
  if (systems.length > 1) {
    const told = systems.map(({ place, name }) => `${place}: ${name || "without a name"}`);
    return failed({ reason: "several-systems", path, systems: told });
  }
  if (code !== 0) {
    const { exitStatus, isImpossible } = report;
    const printed = exitStatus === undefined ? [] : reader.lastLines();
    const said = [...printed, stderr].join("\n").trim();
    const message = report.failed || said || `its script ended with ${code}`;
    const status = exitStatus === undefined ? {} : { exitStatus };
    return failed({ reason: "edit-failed", path, message, isImpossible, ...status });
  }
  // The guest has flushed both disks, and the machine ends before it could be used again: to unplug them would take 50 ms.
  return ok(report);
}

/** The machine does not tell which of its two disks is meant: it is where there is less room. */
async function fullDisk<T extends { readonly path: string }>(
  failure: T,
  overlayPath: string,
): Promise<T> {
  const free = async (path: string): Promise<number> => {
    const { bavail, bsize } = await statfs(dirname(path));
    return bavail * bsize;
  };
  const [own, overlay] = await Promise.all([free(failure.path), free(overlayPath)]);
  return overlay < own ? { ...failure, path: overlayPath } : failure;
}
