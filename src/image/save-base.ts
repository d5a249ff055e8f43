import { isAbsolute } from "node:path";
import { bootFiles, mapBootFiles } from "../profile/boot-files.ts";
import type { Profile } from "../profile/profile.ts";
import { failed, ok, type Result } from "../result.ts";
import type { StoreLayout } from "../store/layout.ts";
import { convertImage } from "../store/qemu-img.ts";
import { nameBase } from "./add-base.ts";
import { DigestStore } from "./digest-store.ts";
import type { ImageFailure } from "./failure.ts";

export interface SaveBaseRequest {
  readonly layout: StoreLayout;
  /** Of which there may be a base image, that is replaced; see `checkFree`. */
  readonly name: string;
  /** qcow2 disk of a guest that is off, with all it is layered on. */
  readonly diskPath: string;
  /** With absolute paths. */
  readonly profile: Profile;
  /** A free name on the store's file system. */
  readonly stagedPath: string;
  readonly signal: AbortSignal;
}

/** Makes a base image of a disk, which stays as it is. Gives the base image's digest. */
export async function saveBase(request: SaveBaseRequest): Promise<Result<string, ImageFailure>> {
  const { layout, name, diskPath, profile, stagedPath, signal } = request;
  const flat = await convertImage(
    {
      sourcePath: diskPath,
      sourceFormat: "qcow2",
      path: stagedPath,
      format: "qcow2",
      compress: "zstd",
    },
    { signal },
  );
  if (!flat.ok) return flat;
  const digests = new DigestStore(layout);
  const disk = await digests.adopt(stagedPath, signal);
  if (!disk.ok) return disk;
  const boot = new Map<string, string>();
  for (const [, path] of bootFiles(profile)) {
    if (!isAbsolute(path))
      throw new Error(`Internal error: a boot file by a relative path: ${path}`);
    const known = digests.digestOf(path);
    const digest = known === undefined ? await digests.importCopy(path, signal) : ok(known);
    if (!digest.ok) return digest;
    boot.set(path, digest.value);
  }
  const named = mapBootFiles(profile, (_, path) => digests.path(boot.get(path) ?? ""));
  const published = await nameBase(layout, name, named, disk.value);
  return published.ok ? disk : failed(published.error);
}
