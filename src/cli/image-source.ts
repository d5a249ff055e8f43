import type { EditFailure } from "../appliance/failure.ts";
import type { BuildEnvironment } from "../build/environment.ts";
import { withShutDownDisk } from "../build/shut-down-disk.ts";
import { checkDisk } from "../image/check-disk.ts";
import type { DiskFormat } from "../store/qemu-img-argv.ts";
import { shortId } from "../plan/plan-text.ts";
import type { Profile } from "../profile/profile.ts";
import { failed, type Result } from "../result.ts";
import type { Layer } from "../store/store.ts";
import { orThrow, userError } from "./or-throw.ts";

/** What an image can be made of. */
export type ImageSource =
  | { readonly kind: "layer"; readonly layer: Layer }
  | {
      readonly kind: "base";
      readonly name: string;
      readonly diskPath: string;
      readonly diskFormat: DiskFormat;
      readonly profile: Profile;
    };

/** A disk of a guest that is off. */
export interface SourceDisk {
  readonly diskPath: string;
  readonly diskFormat: DiskFormat;
}

/** What a user means by an id, the beginning of one, a tag, or a base image's name. @throws UserError */
export async function findImageSource(
  text: string,
  { store, bases }: Pick<BuildEnvironment, "store" | "bases">,
  signal: AbortSignal,
): Promise<ImageSource> {
  const id = await store.resolveId(text);
  if (id.ok) {
    const layer = await store.layer(id.value);
    if (layer !== undefined) return { kind: "layer", layer };
    throw userError({ reason: "layer-missing", id: id.value });
  }
  const name = text;
  const entry = (await bases.list()).find((base) => base.name === name);
  if (entry === undefined) return orThrow(id);
  if (entry.problem !== undefined) throw userError(entry.problem);
  const { diskPath, profile } = entry;
  if (diskPath === undefined || profile === undefined) {
    throw new Error(`Internal error: the base image ${name} has neither a disk nor a problem`);
  }
  const diskFormat = orThrow(await checkDisk(diskPath, signal));
  return { kind: "base", name, diskPath, diskFormat, profile };
}

/** Gives `use` a source's disk, with clean file systems. */
export function withSourceDisk<T>(
  source: ImageSource,
  env: BuildEnvironment,
  signal: AbortSignal,
  use: (disk: SourceDisk) => Promise<Result<T, EditFailure>>,
): Promise<Result<T, EditFailure>> {
  if (source.kind === "base") return use(source);
  return layerDisk(source.layer, env, signal, use);
}

async function layerDisk<T>(
  layer: Layer,
  env: BuildEnvironment,
  signal: AbortSignal,
  use: (disk: SourceDisk) => Promise<Result<T, EditFailure>>,
): Promise<Result<T, EditFailure>> {
  const off = await withShutDownDisk(layer, env, signal, (diskPath) =>
    use({ diskPath, diskFormat: "qcow2" }),
  );
  return off.ok ? off.value : failed(off.error);
}

/** How the system of an image is started, when the image alone does not tell. */
export function startNote(source: ImageSource): string | undefined {
  const { boot } = source.kind === "layer" ? source.layer.metadata.profile : source.profile;
  if (boot.kind !== "kernel") return undefined;
  const where =
    source.kind === "layer"
      ? `\`vmbuild show ${shortId(source.layer.id)}\` tells how`
      : `it is named in the profile of ${source.name}`;
  return `this system is started by its kernel from outside the disk; ${where}`;
}
