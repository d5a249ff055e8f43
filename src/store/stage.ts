/** Opening a stage: the directory where a layer is made. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { failed, ok, type Result } from "../result.ts";
import type { StoreContext } from "./durable.ts";
import type { StoreFailure } from "./failure.ts";
import { attempt } from "./fs-failure.ts";
import { passGate } from "./gate.ts";
import { exists, readLayer } from "./layer-file.ts";
import { backingPathOfImage, backingPathOfLayer, type StagePaths } from "./layout.ts";
import { OverlayStage } from "./overlay-stage.ts";
import { newOwner } from "./owner.ts";
import { createOverlay, imageInfo } from "./qemu-img.ts";
import { writeBase } from "./stage-record.ts";
import type { Stage, StageBase, StageRequest } from "./store.ts";

/** Opens a stage with an empty overlay on its base; a failure leaves nothing behind. */
export async function openStage(
  context: StoreContext,
  request: StageRequest,
): Promise<Result<Stage, StoreFailure>> {
  const paths = context.layout.stage(request.id, await newOwner());
  let opened: Result<void, StoreFailure> | undefined;
  try {
    const made = await attempt(paths.dir, () => makeStageDir(paths));
    opened = made.ok ? await fillStage(context, request, paths) : made;
  } finally {
    if (opened?.ok !== true) {
      await rm(paths.dir, { recursive: true, force: true });
    }
  }
  return opened.ok ? ok(new OverlayStage(context, request, paths)) : opened;
}

/** Makes the stage's directory, which is what others see of it first. */
export async function makeStageDir({ dir }: StagePaths): Promise<void> {
  await mkdir(dir, { mode: 0o700 });
}

/** Puts an empty log and an empty overlay into the stage's directory. */
export async function fillStage(
  context: StoreContext,
  request: StageRequest,
  paths: StagePaths,
): Promise<Result<void, StoreFailure>> {
  const { base, signal } = request;
  const made = await attempt(paths.dir, async () => {
    await mkdir(paths.diskDir, { mode: 0o700 });
    // To others the log says that the stage is at work, see claim.ts.
    await writeFile(paths.logPath, "", { mode: 0o600 });
    // In this order, see gate.ts.
    await writeBase(paths, base);
    await passGate(context.layout, signal);
    return findBase(context, base);
  });
  if (!made.ok) {
    return made;
  }
  if (!made.value.ok) {
    return made.value;
  }
  const { diskPath, format, backingPath } = made.value.value;
  if (request.diskSizeBytes !== undefined) {
    const info = await imageInfo(diskPath, format, signal);
    if (!info.ok) {
      return info;
    }
    if (request.diskSizeBytes < info.value.virtualSizeBytes) {
      return failed({
        reason: "disk-size-too-small",
        requestedBytes: request.diskSizeBytes,
        baseBytes: info.value.virtualSizeBytes,
      });
    }
  }
  return createOverlay(
    {
      path: paths.diskPath,
      backingPath,
      backingFormat: format,
      ...(request.diskSizeBytes === undefined ? {} : { sizeBytes: request.diskSizeBytes }),
    },
    signal,
  );
}

async function findBase(
  context: StoreContext,
  base: StageBase,
): Promise<
  Result<
    {
      readonly diskPath: string;
      readonly format: "qcow2" | "raw";
      readonly backingPath: string;
    },
    StoreFailure
  >
> {
  if (base.kind === "layer") {
    const layer = await readLayer(context.layout, base.id);
    return layer === undefined
      ? failed({ reason: "layer-missing", id: base.id })
      : ok({
          diskPath: layer.diskPath,
          format: "qcow2",
          backingPath: backingPathOfLayer(base.id),
        });
  }
  if (base.kind === "file") {
    return ok({ diskPath: base.path, format: base.format, backingPath: base.path });
  }
  const diskPath = context.layout.baseImageByDigest(base.digest);
  if (!(await exists(diskPath))) {
    return failed({
      reason: "store-unusable",
      path: diskPath,
      message: "the base image is not in the store",
      hint: "It is taken in again when a spec names it with (from …).",
    });
  }
  return ok({ diskPath, format: base.format, backingPath: backingPathOfImage(base.digest) });
}
