import { constants } from "node:fs";
import { access, mkdir, realpath, stat } from "node:fs/promises";
import type { BuildEnvironment } from "../build/environment.ts";
import { checkDisk } from "../image/check-disk.ts";
import { defaultProfile } from "../profile/default-profile.ts";
import type { GuestArch, Profile } from "../profile/profile.ts";
import type { Layer, Stage, StageBase } from "../store/store.ts";
import { exitCode } from "./exit-code.ts";
import { noStep } from "./no-step.ts";
import { orThrow, userError } from "./or-throw.ts";
import { UserError } from "./user-error.ts";

/** A disk to be booted, and where the machine's other files may be. Disposing of it removes what is not the user's. */
export interface BootDisk extends AsyncDisposable {
  /** Its paths are absolute. Of an image that came without one it is what is usual for its architecture. */
  readonly profile: Profile;
  /** Whether somebody has said how to log in. */
  readonly hasLogin: boolean;
  readonly diskPath: string;
  readonly diskFormat: "qcow2" | "raw";
  /** The machine writes to the user's own file. */
  readonly isPersistent: boolean;
  /** Private, and there. */
  readonly workDir: string;
  /** Notes the machine, so that it is ended with what a killed process leaves. */
  machineStarted(pid: number): Promise<void>;
}

export interface BootDiskRequest {
  /** What the user said: a file, a base image's name, or an id or tag of a layer. */
  readonly image: string;
  readonly env: BuildEnvironment;
  readonly persist: boolean;
  /** Of a file, whose architecture nothing tells. */
  readonly arch?: GuestArch | undefined;
  readonly signal: AbortSignal;
}

/** What an image is. */
export type BootImage =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "base"; readonly name: string }
  | { readonly kind: "layer"; readonly layer: Layer };

/**
 * Finds what is meant, and gives a disk of it: a throw-away overlay, or the user's file itself.
 *
 * A path (with a `/` at its beginning, or `./`, `../`) is a file; any other text is a base image, a layer or else a
 * file, in this order.
 *
 * @throws UserError
 */
export async function openBootDisk(request: BootDiskRequest): Promise<BootDisk> {
  return openFoundImage(await findBootImage(request), request);
}

/** Gives a disk of what was found. @throws UserError */
export async function openFoundImage(
  found: BootImage,
  request: BootDiskRequest,
): Promise<BootDisk> {
  const { image, persist, env, signal } = request;
  if (persist && found.kind !== "file") {
    const what = found.kind === "base" ? "a base image" : "a layer";
    throw new UserError(`--persist: ${image} is ${what}, which never changes`, {
      exitCode: exitCode.usage,
      hint: "write it to a file of its own first (vmbuild build -o disk.qcow2), and boot that",
    });
  }
  const { base, profile, hasLogin } = await sourceOf(found, request);
  const stage = orThrow(await env.store.stage({ id: noStep(), base, signal }));
  try {
    await mkdir(stage.workDir, { mode: 0o700 });
  } catch (error) {
    await stage[Symbol.asyncDispose]();
    throw error;
  }
  return bootDisk(stage, base, { profile, hasLogin, isPersistent: persist });
}

function bootDisk(
  stage: Stage,
  base: StageBase,
  about: Pick<BootDisk, "profile" | "hasLogin" | "isPersistent">,
): BootDisk {
  const own =
    about.isPersistent && base.kind === "file"
      ? ({ diskPath: base.path, diskFormat: base.format } as const)
      : ({ diskPath: stage.diskPath, diskFormat: "qcow2" } as const);
  return {
    ...about,
    ...own,
    workDir: stage.workDir,
    async machineStarted(pid) {
      orThrow(await stage.machineStarted(pid));
    },
    [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose](),
  };
}

/** What the user means, as of {@link openBootDisk}. @throws UserError */
export async function findBootImage({
  image,
  env,
  signal,
}: Pick<BootDiskRequest, "image" | "env" | "signal">): Promise<BootImage> {
  if (!/^(\/|\.\.?\/)/.test(image)) {
    const names = new Set((await env.bases.list()).map(({ name }) => name));
    if (names.has(image)) return { kind: "base", name: image };
    const id = await env.store.resolveId(image);
    if (id.ok) {
      const layer = await env.store.layer(id.value);
      if (layer !== undefined) return { kind: "layer", layer };
    } else if (id.error.reason === "id-ambiguous") {
      orThrow(id);
    }
  }
  if (signal.aborted) throw userError({ reason: "cancelled" });
  const stats = await stat(image).catch(() => undefined);
  if (stats?.isFile() === true) return { kind: "file", path: await realpath(image) };
  throw new UserError(
    stats === undefined
      ? `there is no file, base image, layer or tag ${image}`
      : `${image} is not a regular file`,
    {
      exitCode: exitCode.badInput,
      hint: "vmbuild base ls lists the base images, vmbuild ls the layers",
    },
  );
}

interface Source {
  readonly base: StageBase;
  readonly profile: Profile;
  readonly hasLogin: boolean;
}

async function sourceOf(found: BootImage, request: BootDiskRequest): Promise<Source> {
  const { env, signal, arch } = request;
  switch (found.kind) {
    case "file": {
      const { path } = found;
      const format = orThrow(await checkDisk(path, signal));
      if (request.persist) await checkWritable(path);
      return {
        base: { kind: "file", path, format },
        profile: fileProfile(arch ?? hostArch()),
        hasLogin: false,
      };
    }
    case "base": {
      const { name } = found;
      const { digest } = orThrow(await env.bases.resolve(name, signal));
      const imported = orThrow(await env.bases.import(name, digest, signal));
      const base = { kind: "image", digest, format: imported.format } as const;
      const profile = env.bases.bootableProfile(imported.profile);
      return { base, profile: expectArch(profile, arch, name), hasLogin: true };
    }
    case "layer": {
      const { id, metadata } = found.layer;
      await env.store.used(id);
      const profile = env.bases.bootableProfile(metadata.profile);
      return {
        base: { kind: "layer", id },
        profile: expectArch(profile, arch, request.image),
        hasLogin: true,
      };
    }
  }
}

/** What an image is booted as of which nothing is known. */
function fileProfile(arch: GuestArch): Profile {
  const profile = defaultProfile("linux", arch);
  return arch === "x86_64" ? { ...profile, machine: "q35" } : profile;
}

/** As QEMU calls what this host is. */
export function hostArch(): GuestArch {
  return process.arch === "arm64" ? "aarch64" : "x86_64";
}

function expectArch(profile: Profile, arch: GuestArch | undefined, name: string): Profile {
  if (arch === undefined || arch === profile.arch) return profile;
  throw new UserError(`--arch ${arch}: ${name} is a system for ${profile.arch}`, {
    exitCode: exitCode.usage,
  });
}

async function checkWritable(path: string): Promise<void> {
  try {
    await access(path, constants.W_OK);
  } catch (error) {
    throw new UserError(`--persist: ${path} cannot be written: ${(error as Error).message}`, {
      exitCode: exitCode.badInput,
    });
  }
}
