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
import { type PinnedName, pinnedText } from "../spec/pinned-name.ts";
import type { SourceRange } from "../spec/source.ts";
import { unknownNetworks } from "../spec/network.ts";
import type { From, Spec } from "../spec/spec.ts";
import type { Store } from "../store/store.ts";
import type { NetworkUnknown } from "./failure.ts";
import { entryOf, type ImageNames } from "./image-names.ts";

/** An input that a spec needs and that cannot be had, be it a network, with the place in the spec that asks for it. */
export interface InputProblem {
  readonly range: SourceRange;
  readonly failure: ImageFailure | ContextFailure | NetworkUnknown;
  /** For a `from`: its text, and the entry of {@link GatherOptions.images} that was taken for it. */
  readonly from?: { readonly text: string; readonly entry?: TakenEntry };
}

/** An entry of {@link ImageNames}, as its texts. */
export interface TakenEntry {
  readonly name: string;
  readonly base: string;
}

export interface GatherOptions {
  readonly store: Store;
  readonly bases: BaseImages;
  readonly contextDir: string;
  /** Names that stand for base images or tags; they go before base images and tags of the same name. */
  readonly images?: ImageNames;
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
    const entry = entryOf(from, options.images ?? new Map());
    const base = await resolveBase(entry?.base ?? from, options, pinOf(from, entry));
    if (base.ok) {
      bases.set(baseKey(from), base.value);
    } else {
      const taken = entry && { name: entry.name, base: pinnedText(entry.base) };
      problems.push({
        range: from.range,
        failure: base.error,
        from: { text: pinnedText(from), ...(taken === undefined ? {} : { entry: taken }) },
      });
    }
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

/** The pin of a `from` that its entry does not take away: that of an entry for the name alone stays in force. */
function pinOf(from: From, entry: { readonly name: string } | undefined): string | undefined {
  return entry === undefined || entry.name === from.name ? from.digest : undefined;
}

/**
 * A name is a base image's or a tag's; one that is both is refused, since either could be meant. Its content must
 * be that of `wanted` and, where given, `pin`.
 */
async function resolveBase(
  wanted: PinnedName,
  { store, bases, signal }: GatherOptions,
  pin: string | undefined,
): Promise<Result<BaseInput, ImageFailure>> {
  const { name } = wanted;
  const isOther = (digest: string) => (other?: string) => other !== undefined && other !== digest;
  const tag = (await store.tags()).find((known) => known.name === name);
  const image = await bases.resolve(name, signal);
  if (tag !== undefined) {
    if (image.ok || image.error.reason !== "base-missing") {
      return failed({
        reason: "base-ambiguous",
        name,
        candidates: [`the tag ${name}`, image.ok ? image.value.diskPath : `a base image ${name}`],
      });
    }
    const layer = await store.layer(tag.id);
    if (layer === undefined) return failed({ reason: "layer-missing", id: tag.id });
    const other = [wanted.digest, pin].find(isOther(layer.id));
    if (other !== undefined) return failed(mismatch(name, other, layer.id));
    return ok({
      kind: "layer",
      name,
      id: layer.id,
      initial: initialContext(layer.metadata.profile),
    });
  }
  if (!image.ok) return image;
  const other = [wanted.digest, pin].find(isOther(image.value.digest));
  if (other !== undefined) return failed(mismatch(name, other, image.value.digest));
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
