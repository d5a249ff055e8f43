import type { CopyInput, CopyStep } from "../plan/step.ts";
import { failed, ok, type Result } from "../result.ts";
import type { CopyTask } from "../sandbox/sandbox.ts";
import type { TreeFailure } from "../tree/failure.ts";
import { type GuestTree, subtree } from "../tree/guest-tree.ts";
import { type PlacedTree, treeItems, treeTar } from "../tree/tree-tar.ts";
import type { BuildEnvironment, BuildOptions } from "./environment.ts";
import type { StepRef } from "./event.ts";
import type { StepFailure } from "./failure.ts";
import { readLayer } from "./read-layer.ts";

/** What a `copy` brings into its guest, on the host for as long as this is not disposed of. */
export interface CopiedFiles extends AsyncDisposable, Pick<CopyTask, "items" | "openTar"> {}

/** The files of the build context, or those of a finished build, which are taken out of its last layer first. */
export async function copiedFiles(
  ref: StepRef,
  { source, items }: CopyStep,
  env: BuildEnvironment,
  { signal, onEvent }: BuildOptions,
): Promise<Result<CopiedFiles, StepFailure>> {
  if (source.kind === "context") {
    return ok({
      items,
      openTar: (options) => env.context.openTar(items, options),
      [Symbol.asyncDispose]: async () => {},
    });
  }
  const { id, name: build, paths } = source;
  const layer = await env.store.layer(id);
  if (layer === undefined) return failed({ reason: "layer-missing", id });
  await onEvent({ type: "step-phase", ref, phase: "reading" });
  const sources = paths.map(({ path }) => path);
  const read = await readLayer(layer, sources, env, { signal, build });
  if (!read.ok) return read;
  const { fd, tree, [Symbol.asyncDispose]: dispose } = read.value;
  const trees = placed(tree, source);
  if (!trees.ok) {
    await dispose();
    return failed({ reason: "guest-files", build, cause: trees.error });
  }
  return ok({
    items: treeItems(trees.value),
    openTar: (options) => treeTar(fd, trees.value, options),
    [Symbol.asyncDispose]: dispose,
  });
}

function placed(
  tree: GuestTree,
  { paths, exclude }: Extract<CopyInput, { kind: "build" }>,
): Result<readonly PlacedTree[], TreeFailure> {
  const trees: PlacedTree[] = [];
  for (const { path, destination } of paths) {
    const entries = subtree(tree, path, exclude);
    if (!entries.ok) return entries;
    trees.push({ entries: entries.value, destination });
  }
  return ok(trees);
}
