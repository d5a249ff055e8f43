import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { obuilderDefaults } from "../profile/default-profile.ts";
import type { Profile } from "../profile/profile.ts";
import { profileToToml } from "../profile/profile-to-toml.ts";
import { failed, ok, type Result } from "../result.ts";
import { replaceFile, syncPath } from "../store/durable.ts";
import { attempt } from "../store/fs-failure.ts";
import type { DiskFormat } from "../store/qemu-img-argv.ts";
import type { StoreLayout } from "../store/layout.ts";
import { readTag } from "../store/tags.ts";
import { checkBaseName } from "./base-name.ts";
import { bootFiles, mapBootFiles } from "../profile/boot-files.ts";
import { checkDisk } from "./check-disk.ts";
import { diskDamage } from "./disk-damage.ts";
import { DigestStore } from "./digest-store.ts";
import type { ImageFailure } from "./failure.ts";
import { baseNames } from "./find-base.ts";
import { readProfileFile } from "./read-profile-file.ts";
import { removeBareDisks } from "./remove-base.ts";

export interface AddBaseRequest {
  readonly layout: StoreLayout;
  readonly name: string;
  /** The disk, absolute. */
  readonly diskPath: string;
  /** Its profile's file, absolute; absent means OBuilder's defaults. */
  readonly profilePath?: string;
  /** Replace a base image of that name. */
  readonly force: boolean;
  readonly signal: AbortSignal;
}

/**
 * Takes a copy of a disk the user has, and of the kernel or firmware its profile names, and gives it
 * a name. The name is there only when everything is. Gives the disk's digest.
 */
export async function addBase(request: AddBaseRequest): Promise<Result<string, ImageFailure>> {
  const { layout, name, signal } = request;
  const free = await checkFree(layout, name, request.force);
  if (!free.ok) return free;
  const { profilePath } = request;
  const profile =
    profilePath === undefined ? ok(obuilderDefaults()) : await readProfileFile(profilePath);
  if (!profile.ok) return profile;
  const usable = await checkDisk(request.diskPath, signal);
  if (!usable.ok) return usable;
  const whole = await checkWhole(request.diskPath, usable.value, signal);
  if (!whole.ok) return whole;
  const digests = new DigestStore(layout);
  const disk = await digests.importCopy(request.diskPath, signal);
  if (!disk.ok) return disk;
  const boot = new Map<string, string>();
  for (const [, path] of bootFiles(profile.value)) {
    const digest = await digests.importCopy(path, signal);
    if (!digest.ok) return digest;
    boot.set(path, digest.value);
  }
  const named = mapBootFiles(profile.value, (_, path) => digests.path(boot.get(path) ?? ""));
  const published = await nameBase(layout, name, named, disk.value);
  return published.ok ? disk : published;
}

/** Every build on it would find out late, and differently. */
async function checkWhole(
  path: string,
  format: DiskFormat,
  signal: AbortSignal,
): Promise<Result<void, ImageFailure>> {
  const damage = await diskDamage(path, format, signal);
  if (!damage.ok) return damage;
  if (damage.value === undefined) return ok();
  const message = `it is damaged, or its end is missing: ${damage.value}`;
  const hint = "get it again, and compare its checksum";
  return failed({ reason: "base-unusable", path, message, hint });
}

/** Fails when there is a base image of that name that may not be replaced, or a tag. */
export async function checkFree(
  layout: StoreLayout,
  name: string,
  force: boolean,
): Promise<Result<void, ImageFailure>> {
  const valid = checkBaseName(name);
  if (!valid.ok) return valid;
  if ((await readTag(layout, name)) !== undefined) {
    return failed({ reason: "base-name-is-tag", name });
  }
  const taken = !force && (await baseNames(layout)).includes(name);
  return taken ? failed({ reason: "base-exists", name }) : ok();
}

/** Points a name at a disk (and boot files) that are below `sha256/` already, in one step. */
export async function nameBase(
  layout: StoreLayout,
  name: string,
  profile: Profile,
  diskDigest: string,
): Promise<Result<void, ImageFailure>> {
  const path = layout.baseImageProfile(name);
  const toml = profileToToml({ ...profile, disk: layout.baseImageByDigest(diskDigest) }, path);
  return attempt(path, async () => {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await replaceFile(layout, path, toml, syncPath);
    await removeBareDisks(layout, name);
  });
}
