import { rm } from "node:fs/promises";
import { basename } from "node:path";
import type { Profile } from "../profile/profile.ts";
import { failed, ok, type Result } from "../result.ts";
import { attempt } from "../store/fs-failure.ts";
import type { StoreLayout } from "../store/layout.ts";
import type { Store } from "../store/store.ts";
import { bootFiles } from "../profile/boot-files.ts";
import { DigestStore } from "./digest-store.ts";
import type { ImageFailure } from "./failure.ts";
import { baseNames, findBase } from "./find-base.ts";

/**
 * Takes a name away, with the files it alone uses. What a layer is built on stays, so every layer
 * stays good.
 */
export async function removeBase(
  layout: StoreLayout,
  store: Store,
  name: string,
): Promise<Result<void, ImageFailure>> {
  const names = await baseNames(layout);
  if (!names.includes(name)) {
    const missing = await findBase(layout, name);
    return missing.ok ? ok() : failed(missing.error);
  }
  const own = await digestsNamedBy(layout, name);
  const used = await digestsInUse(
    layout,
    store,
    names.filter((other) => other !== name),
  );
  return attempt(layout.baseImageProfile(name), async () => {
    await rm(layout.baseImageProfile(name), { force: true });
    await removeBareDisks(layout, name);
    for (const digest of own) {
      if (!used.has(digest)) await rm(layout.baseImageByDigest(digest), { force: true });
    }
  });
}

/** Removes `NAME.{qcow2,img,raw}`. Rejects with the system's error. */
export async function removeBareDisks(layout: StoreLayout, name: string): Promise<void> {
  for (const extension of ["qcow2", "img", "raw"] as const) {
    await rm(layout.baseImage(name, extension), { force: true });
  }
}

async function digestsNamedBy(layout: StoreLayout, name: string): Promise<readonly string[]> {
  const found = await findBase(layout, name);
  if (!found.ok) return [];
  const digests = new DigestStore(layout);
  return [found.value.diskPath, ...bootPaths(found.value.profile)]
    .map((path) => digests.digestOf(path))
    .filter((digest) => digest !== undefined);
}

async function digestsInUse(
  layout: StoreLayout,
  store: Store,
  names: readonly string[],
): Promise<ReadonlySet<string>> {
  const used = new Set<string>();
  for (const { metadata } of await store.layers()) {
    used.add(metadata.base.digest);
    for (const path of bootPaths(metadata.profile)) used.add(basename(path));
  }
  for (const name of names) {
    for (const digest of await digestsNamedBy(layout, name)) used.add(digest);
  }
  return used;
}

function bootPaths(profile: Profile): readonly string[] {
  return bootFiles(profile).map(([, path]) => path);
}
