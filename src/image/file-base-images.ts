import { isAbsolute, join, relative } from "node:path";
import { guestFacts } from "../profile/guest-facts.ts";
import { initialContext } from "../profile/initial-context.ts";
import type { Profile } from "../profile/profile.ts";
import { failed, ok, type Result } from "../result.ts";
import { digestFile } from "../store/digest-file.ts";
import type { StoreLayout } from "../store/layout.ts";
import type { BaseImage, BaseImageEntry, BaseImages, ImportedImage } from "./base-images.ts";
import { type BootFile, bootFiles, mapBootFiles } from "../profile/boot-files.ts";
import { checkDisk } from "./check-disk.ts";
import { unusableFile } from "./check-profile-files.ts";
import { DigestStore } from "./digest-store.ts";
import type { ImageFailure } from "./failure.ts";
import { baseNames, findBase, type FoundBase } from "./find-base.ts";

/** The base images of a store, as files below `base-image/`. */
export class FileBaseImages implements BaseImages {
  readonly #layout: StoreLayout;
  readonly #digests: DigestStore;

  constructor(layout: StoreLayout) {
    this.#layout = layout;
    this.#digests = new DigestStore(layout);
  }

  async resolve(name: string, signal: AbortSignal): Promise<Result<BaseImage, ImageFailure>> {
    const found = await findBase(this.#layout, name);
    if (!found.ok) return found;
    const { profile } = found.value;
    const digest = await this.#digest(found.value.diskPath, signal);
    if (!digest.ok) return digest;
    const boot = await this.#bootDigests(found.value, signal);
    if (!boot.ok) return boot;
    return ok({
      ...found.value,
      digest: digest.value,
      input: {
        kind: "image",
        name,
        digest: digest.value,
        guest: guestFacts(profile, boot.value),
        initial: initialContext(profile),
        ...(profile.diskSizeBytes === undefined ? {} : { diskSizeBytes: profile.diskSizeBytes }),
      },
    });
  }

  async import(
    name: string,
    digest: string,
    signal: AbortSignal,
  ): Promise<Result<ImportedImage, ImageFailure>> {
    const found = await findBase(this.#layout, name);
    if (!found.ok) return found;
    const boot = await this.#bootDigests(found.value, signal);
    if (!boot.ok) return boot;
    const usable = await checkDisk(found.value.diskPath, signal);
    if (!usable.ok) return usable;
    const disk = await this.#digests.importCopy(found.value.diskPath, signal, digest);
    if (!disk.ok) return disk;
    for (const [file, path] of bootFiles(found.value.profile)) {
      const imported = await this.#digests.importCopy(path, signal, boot.value[`${file}Digest`]);
      if (!imported.ok) return imported;
    }
    const profile = mapBootFiles(found.value.profile, (file) =>
      relative(this.#layout.root, this.#digests.path(boot.value[`${file}Digest`] ?? "")),
    );
    return ok({ format: usable.value, profile });
  }

  bootableProfile(profile: Profile): Profile {
    return mapBootFiles(profile, (_, path) =>
      isAbsolute(path) ? path : join(this.#layout.root, path),
    );
  }

  async list(): Promise<readonly BaseImageEntry[]> {
    const names = await baseNames(this.#layout);
    return Promise.all(
      names.map(async (name) => {
        const found = await findBase(this.#layout, name);
        return found.ok ? found.value : { name, problem: found.error };
      }),
    );
  }

  async #bootDigests(
    found: FoundBase,
    signal: AbortSignal,
  ): Promise<Result<Partial<Record<`${BootFile}Digest`, string>>, ImageFailure>> {
    const digests: Partial<Record<`${BootFile}Digest`, string>> = {};
    for (const [file, path] of bootFiles(found.profile)) {
      const digest = await this.#digest(path, signal);
      if (!digest.ok) {
        if (digest.error.reason !== "base-unusable") return digest;
        return failed({
          reason: "profile-invalid",
          file: found.profilePath ?? found.diskPath,
          problems: [unusableFile(file, path, digest.error.message)],
        });
      }
      digests[`${file}Digest`] = digest.value;
    }
    return ok(digests);
  }

  /** A file named by its digest is not read: it is our own copy and read-only. */
  async #digest(path: string, signal: AbortSignal): Promise<Result<string, ImageFailure>> {
    const known = this.#digests.digestOf(path);
    if (known !== undefined) return ok(known);
    const digest = await digestFile(this.#layout.root, path, { signal });
    if (digest.ok) return digest;
    switch (digest.error.reason) {
      case "cancelled":
        return failed(digest.error);
      case "file-changing":
        return failed({ reason: "base-changed", path });
      case "file-unreadable":
        return failed({
          reason: "base-unusable",
          path,
          message: digest.error.message,
          hint: "name a file that the user who builds can read",
        });
    }
  }
}
