import { resolve } from "node:path";
import type { StepId } from "../plan/step.ts";
import { ok } from "../result.ts";
import { isRecord } from "./json.ts";
import { exists, readLayer } from "./layer-file.ts";
import { backingPathOfImage, backingPathOfLayer, type StoreLayout } from "./layout.ts";
import type { Layer } from "./store.ts";
import type { StoreFinding } from "./store-report.ts";
import { verifyDisk } from "./verify-disk.ts";
import { type Found, verifyMode } from "./verify-files.ts";

/** What verification must know of the rooms above. */
export interface LayerKnowledge {
  /** Paths of the files besides the disk that a layer's machine boots with, relative to the store. */
  bootFiles(layer: Layer): readonly string[];
  /** Why no step can go on with the suspended machine in a directory; undefined when one can. */
  suspendedProblem(dir: string): Promise<string | undefined>;
}

/** Whether `result/<id>` is a whole layer on a whole parent. */
export async function verifyLayer(
  layout: StoreLayout,
  id: StepId,
  knowledge: LayerKnowledge,
): Promise<Found> {
  const paths = layout.layer(id);
  const findings: StoreFinding[] = [];
  const files = [paths.diskPath, paths.logPath, paths.metadataPath];
  const modes = [
    [paths.dir, 0o700],
    [paths.diskDir, 0o700],
    ...files.map((path) => [path, 0o444] as const),
  ] as const;
  for (const path of files) {
    if (!(await exists(path))) findings.push({ reason: "file-missing", path });
  }
  for (const [path, mode] of modes) findings.push(...(await verifyMode(path, mode)));
  const layer = await readLayer(layout, id);
  if (layer === undefined || !isRecord(layer.metadata.profile.boot)) {
    const areThere = (await exists(paths.diskPath)) && (await exists(paths.metadataPath));
    if (areThere) findings.push({ reason: "record-invalid", path: paths.metadataPath });
    return ok(findings);
  }
  const missing = await missingBelow(layout, layer, knowledge);
  if (missing.length > 0) return ok([...findings, ...missing]);
  const disk = await verifyDisk(layer.diskPath, backingPathOf(layer));
  return disk.ok ? ok([...findings, ...disk.value]) : disk;
}

/** What of the layer's parent, base image and boot files is not there. The parent's own are its own findings. */
async function missingBelow(
  layout: StoreLayout,
  layer: Layer,
  knowledge: LayerKnowledge,
): Promise<readonly StoreFinding[]> {
  const { id, dir, metadata } = layer;
  const { parent, base } = metadata;
  if (parent !== undefined) {
    return (await readLayer(layout, parent)) === undefined
      ? [{ reason: "parent-missing", path: dir, parent }]
      : [];
  }
  const files = [
    layout.baseImageByDigest(base.digest),
    ...knowledge.bootFiles(layer).map((path) => resolve(layout.root, path)),
  ];
  const findings: StoreFinding[] = [];
  for (const path of files) {
    if (!(await exists(path))) findings.push({ reason: "base-file-missing", path, layer: id });
  }
  return findings;
}

function backingPathOf({ metadata: { parent, base } }: Layer): string {
  return parent === undefined ? backingPathOfImage(base.digest) : backingPathOfLayer(parent);
}
