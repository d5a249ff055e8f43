import { readdir, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { obuilderDefaults } from "../profile/default-profile.ts";
import { parseProfile } from "../profile/parse-profile.ts";
import type { Profile } from "../profile/profile.ts";
import { failed, ok, type Result } from "../result.ts";
import type { BaseImageExtension, StoreLayout } from "../store/layout.ts";
import { readRegularText } from "../store/regular-file.ts";
import { checkBaseName } from "./base-name.ts";
import type { ImageFailure } from "./failure.ts";
import { recipeNames } from "./recipes.ts";

/** What the files in `base-image/` say about a name. */
export interface FoundBase {
  readonly name: string;
  readonly diskPath: string;
  readonly profilePath?: string;
  readonly profile: Profile;
}

const extensions: readonly BaseImageExtension[] = ["qcow2", "img", "raw"];

/**
 * Finds a base image by its name: `NAME.toml` tells where the disk is, or the disk is
 * `NAME.{qcow2,img,raw}`; a disk without a profile has OBuilder's defaults.
 */
export async function findBase(
  layout: StoreLayout,
  name: string,
): Promise<Result<FoundBase, ImageFailure>> {
  const valid = checkBaseName(name);
  if (!valid.ok) return valid;
  const profilePath = layout.baseImageProfile(name);
  const read = await readRegularText(profilePath);
  if (!read.ok && !read.error.missing) {
    const { message } = read.error;
    return failed({ reason: "profile-invalid", file: profilePath, problems: [{ message }] });
  }
  const bare = await bareDisks(layout, name);
  if (!read.ok) {
    const [disk] = bare;
    if (disk === undefined) return failed(await missing(layout, name));
    if (bare.length > 1) return failed({ reason: "base-ambiguous", name, candidates: bare });
    return ok({ name, diskPath: disk, profile: obuilderDefaults() });
  }
  const parsed = parseProfile({ text: read.value, file: profilePath });
  if (!parsed.ok) return parsed;
  const { disk, ...profile } = parsed.value;
  const candidates = disk === undefined ? bare : [...new Set([disk, ...bare])];
  const [diskPath] = candidates;
  if (diskPath === undefined || (disk !== undefined && !(await isFile(diskPath)))) {
    return failed({
      reason: "profile-invalid",
      file: profilePath,
      problems: [
        disk === undefined
          ? {
              message: "there is no disk beside the profile",
              hint: `put it at ${name}.qcow2, ${name}.img or ${name}.raw, or name it with \`disk\``,
            }
          : { key: "disk", message: `there is no file ${disk}` },
      ],
    });
  }
  if (candidates.length > 1) return failed({ reason: "base-ambiguous", name, candidates });
  return ok({ name, diskPath, profilePath, profile });
}

/** Every name that a profile or a disk below `base-image/` has, sorted. */
export async function baseNames(layout: StoreLayout): Promise<readonly string[]> {
  const entries = await readdir(layout.baseImageDir, {
    recursive: true,
    withFileTypes: true,
  }).catch(() => []);
  const names = new Set<string>();
  for (const entry of entries) {
    if (entry.isDirectory()) continue;
    const path = relative(layout.baseImageDir, join(entry.parentPath, entry.name));
    const name = /^(.+)\.(?:toml|qcow2|img|raw)$/.exec(path)?.[1];
    if (name !== undefined && checkBaseName(name).ok) names.add(name);
  }
  return [...names].sort();
}

async function bareDisks(layout: StoreLayout, name: string): Promise<readonly string[]> {
  const paths = extensions.map((extension) => layout.baseImage(name, extension));
  const present = await Promise.all(paths.map(isFile));
  return paths.filter((_, index) => present[index]);
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true;
}

async function missing(layout: StoreLayout, name: string): Promise<ImageFailure> {
  return {
    reason: "base-missing",
    name,
    dir: layout.baseImageDir,
    available: await baseNames(layout),
    recipes: await recipeNames(),
  };
}
