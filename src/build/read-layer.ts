import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { failed, ok, type Result } from "../result.ts";
import type { ReadFailure } from "../sandbox/failure.ts";
import type { ReadJob } from "../sandbox/sandbox.ts";
import { attempt } from "../store/fs-failure.ts";
import type { Layer, Stage } from "../store/store.ts";
import type { TreeFailure } from "../tree/failure.ts";
import { guestTree, type GuestTree } from "../tree/guest-tree.ts";
import { readTarMembers } from "../tree/tar-members.ts";
import type { BuildEnvironment } from "./environment.ts";
import type { StepFailure } from "./failure.ts";

/** Files of a layer, on the host for as long as this is not disposed of. */
export interface LayerFiles extends AsyncDisposable {
  /** The archive that the tree's offsets are of, open for reading. */
  readonly fd: number;
  readonly tree: GuestTree;
}

/**
 * Takes files out of a layer, through its own guest: its suspended machine, or else one that is booted, on an overlay
 * that is thrown away, so that the layer stays as it is.
 *
 * @param paths absolute in the guest, each with all below it
 * @param build the name of the nested build that the layer is the result of, for failures
 */
export async function readLayer(
  layer: Layer,
  paths: readonly string[],
  env: BuildEnvironment,
  { signal, build }: { readonly signal: AbortSignal; readonly build?: string },
): Promise<Result<LayerFiles, StepFailure>> {
  const { id } = layer;
  const staged = await env.store.stage({ id, base: { kind: "layer", id }, signal });
  if (!staged.ok) return staged;
  const stage = staged.value;
  let isHeld = false;
  try {
    const archivePath = join(stage.dir, "files.tar");
    const files = await attempt(archivePath, async () => {
      const read = await readThroughGuest(layer, stage, env, { paths, archivePath, signal });
      return read.ok ? openTree(archivePath) : read;
    });
    if (!files.ok) return files;
    if (!files.value.ok) return failed(inBuild(files.value.error, build));
    isHeld = true;
    const { file, tree } = files.value.value;
    return ok({
      fd: file.fd,
      tree,
      async [Symbol.asyncDispose]() {
        await file.close();
        await stage[Symbol.asyncDispose]();
      },
    });
  } finally {
    if (!isHeld) await stage[Symbol.asyncDispose]();
  }
}

/** Leaves the archive complete, if what the guest says is true. */
async function readThroughGuest(
  { id, metadata, suspendedDir }: Layer,
  stage: Stage,
  env: BuildEnvironment,
  files: Pick<ReadJob, "paths" | "archivePath"> & { readonly signal: AbortSignal },
): Promise<Result<void, ReadFailure>> {
  const { paths, archivePath, signal } = files;
  const profile = env.bases.bootableProfile(metadata.profile);
  const resources = await env.resources(profile, signal);
  if (!resources.ok) return resources;
  const { diskPath, serialLogPath, workDir } = stage;
  const disk = { diskPath, serialLogPath, workDir, suspendedDir };
  return env.sandbox.read(
    { id, profile, resources: resources.value, ...disk, paths, archivePath },
    { signal, onMachine: async (pid) => void (await stage.machineStarted(pid)) },
  );
}

async function openTree(
  archivePath: string,
): Promise<Result<{ readonly file: FileHandle; readonly tree: GuestTree }, TreeFailure>> {
  const file = await open(archivePath, "r");
  let tree: Result<GuestTree, TreeFailure> | undefined;
  try {
    const members = await readTarMembers(file);
    tree = members.ok ? guestTree(members.value) : members;
    return tree.ok ? ok({ file, tree: tree.value }) : tree;
  } finally {
    if (tree?.ok !== true) await file.close();
  }
}

function inBuild(failure: ReadFailure | TreeFailure, build: string | undefined): StepFailure {
  switch (failure.reason) {
    case "path-missing":
    case "read-failed":
    case "archive-invalid":
    case "special-file":
    case "name-not-utf8":
      return { reason: "guest-files", ...(build === undefined ? {} : { build }), cause: failure };
    default:
      return failure;
  }
}
