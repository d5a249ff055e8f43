import type { ContextFailure } from "../context/failure.ts";
import { contextScanner } from "../context/scan.ts";
import type { BaseImages } from "../image/base-images.ts";
import type { ImageFailure } from "../image/failure.ts";
import { inputsNeeded } from "../plan/inputs-needed.ts";
import type { Manifest } from "../plan/manifest.ts";
import type { PlanInputs } from "../plan/plan.ts";
import type { BaseInput } from "../plan/step.ts";
import { initialContext } from "../profile/initial-context.ts";
import { failed, ok, type Result } from "../result.ts";
import type { SourceRange } from "../spec/source.ts";
import { unknownNetworks } from "../spec/network.ts";
import type { From, Spec } from "../spec/spec.ts";
import type { Store } from "../store/store.ts";
import type { NetworkUnknown } from "./failure.ts";

/** An input that a spec needs and that cannot be had, be it a network, with the place in the spec that asks for it. */
export interface InputProblem {
  readonly range: SourceRange;
  readonly failure: ImageFailure | ContextFailure | NetworkUnknown;
}

export interface GatherOptions {
  readonly store: Store;
  readonly bases: BaseImages;
  readonly contextDir: string;
  readonly diskSizeBytes?: number;
  readonly signal: AbortSignal;
}

/**
 * Looks up all a spec needs from outside to be planned: base digests and context manifests. Reads
 * only; finds every problem, not just the first.
 */
export async function gatherInputs(
  spec: Spec,
  options: GatherOptions,
): Promise<Result<PlanInputs, readonly InputProblem[]>> {
  const needed = inputsNeeded(spec);
  const problems: InputProblem[] = unknownNetworks(spec).map(({ name, range }) => ({
    range,
    failure: { reason: "network-unknown", name },
  }));
  const bases = new Map<string, BaseInput>();
  for (const from of needed.bases) {
    const base = await resolveBase(from, options);
    if (base.ok) bases.set(baseKey(from), base.value);
    else problems.push({ range: from.range, failure: base.error });
  }
  const scanner = contextScanner(options.contextDir, options.signal);
  const manifests = new Map<string, Manifest>();
  for (const { path, exclude, range } of needed.sources) {
    const manifest = await scanner.scan(path, exclude);
    if (manifest.ok) manifests.set(sourceKey(path, exclude), manifest.value);
    else problems.push({ range, failure: manifest.error });
  }
  if (problems.length > 0) return failed(problems);
  return ok({
    base: (from) => known(bases.get(baseKey(from))),
    manifest: (path, exclude) => known(manifests.get(sourceKey(path, exclude))),
    ...(options.diskSizeBytes === undefined ? {} : { diskSizeBytes: options.diskSizeBytes }),
  });
}

/** A name is a base image's or a tag's; one that is both is refused, since either could be meant. */
async function resolveBase(
  from: From,
  { store, bases, signal }: GatherOptions,
): Promise<Result<BaseInput, ImageFailure>> {
  const tag = (await store.tags()).find(({ name }) => name === from.name);
  const image = await bases.resolve(from.name, signal);
  if (tag !== undefined) {
    if (image.ok || image.error.reason !== "base-missing") {
      return failed({
        reason: "base-ambiguous",
        name: from.name,
        candidates: [
          `the tag ${from.name}`,
          image.ok ? image.value.diskPath : `a base image ${from.name}`,
        ],
      });
    }
    const layer = await store.layer(tag.id);
    if (layer === undefined) return failed({ reason: "layer-missing", id: tag.id });
    if (from.digest !== undefined && from.digest !== layer.id) {
      return failed(mismatch(from.name, from.digest, layer.id));
    }
    return ok({
      kind: "layer",
      name: from.name,
      id: layer.id,
      initial: initialContext(layer.metadata.profile),
    });
  }
  if (!image.ok) return image;
  if (from.digest !== undefined && from.digest !== image.value.digest) {
    return failed(mismatch(from.name, from.digest, image.value.digest));
  }
  return ok(image.value.input);
}

function mismatch(name: string, expected: string, actual: string): ImageFailure {
  return { reason: "base-digest-mismatch", name, expected, actual };
}

function baseKey({ name, digest }: From): string {
  return JSON.stringify([name, digest ?? ""]);
}

function sourceKey(path: string, exclude: readonly string[]): string {
  return JSON.stringify([path, exclude]);
}

function known<T>(value: T | undefined): T {
  if (value === undefined)
    throw new Error("Internal error: the plan asks for what was not gathered");
  return value;
}
