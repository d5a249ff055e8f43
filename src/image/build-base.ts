import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Accelerator } from "../machine/accelerator.ts";
import { describeProfileFailure } from "../profile/failure.ts";
import { parseProfile } from "../profile/parse-profile.ts";
import { failed, ok, type Result } from "../result.ts";
import { attempt } from "../store/fs-failure.ts";
import type { StoreLayout } from "../store/layout.ts";
import { newOwner } from "../store/owner.ts";
import { readRegularText } from "../store/regular-file.ts";
import { convertImage } from "../store/qemu-img.ts";
import { checkFree, nameBase } from "./add-base.ts";
import { bootFiles, mapBootFiles } from "../profile/boot-files.ts";
import { DigestStore } from "./digest-store.ts";
import type { ImageFailure } from "./failure.ts";
import { generateHostKey } from "./host-key.ts";
import { recipeNames, recipeScript } from "./recipes.ts";
import { runProgram } from "./run-program.ts";
import { storeKeyPair } from "./store-key-pair.ts";

export interface BuildBaseRequest {
  readonly layout: StoreLayout;
  readonly name: string;
  /** Replace a base image of that name. */
  readonly force: boolean;
  /** Debian mirror; absent leaves it to the recipe. */
  readonly mirror?: string;
  /** Files for a recipe that installs a system from its own media, absolute. */
  readonly media?: RecipeMedia;
  /** Media that are meant for this recipe, so that one which does not read them is refused. */
  readonly asked?: readonly (keyof RecipeMedia)[];
  /** What such a recipe starts its machine with; absent means software emulation. */
  readonly accelerator?: Accelerator;
  readonly signal: AbortSignal;
  /** Gets each line the recipe says. */
  readonly onLine: (line: string) => void;
}

/** What a user hands in for a recipe that installs a system from its own media, by path. */
export interface RecipeMedia {
  /** The installation ISO. */
  readonly iso?: string;
  /** The ISO with virtio drivers, for Windows. */
  readonly drivers?: string;
  /** The package of an OpenSSH server, for Windows. */
  readonly openssh?: string;
}

/**
 * Makes a base image by its recipe and gives it its name, which is there only when everything is.
 * Gives the disk's digest. What recipes get and must leave is described in `base-images/README.md`.
 */
export async function buildBase(request: BuildBaseRequest): Promise<Result<string, ImageFailure>> {
  const { layout, name } = request;
  const free = await checkFree(layout, name, request.force);
  if (!free.ok) return free;
  const script = await recipeScript(name);
  if (script === undefined) {
    return failed({ reason: "recipe-missing", name, available: await recipeNames() });
  }
  const unused = await unusedMedium(script, request.asked ?? []);
  if (unused !== undefined) return failed({ reason: "recipe-medium-unused", name, medium: unused });
  const workDir = layout.stateStage(await newOwner());
  try {
    return await makeIn(workDir, script, request);
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

async function makeIn(
  workDir: string,
  script: string,
  request: BuildBaseRequest,
): Promise<Result<string, ImageFailure>> {
  const { layout, name, signal } = request;
  const hostKey = generateHostKey();
  const hostKeyFile = join(workDir, "host-key.dropbear");
  const hostKeyOpenssh = join(workDir, "host-key.openssh");
  const outDir = join(workDir, "out");
  const cacheDir = join(layout.stateDir, "recipe-cache");
  const keys = await storeKeyPair(layout);
  if (!keys.ok) return keys;
  const prepared = await attempt(workDir, async () => {
    await mkdir(outDir, { recursive: true, mode: 0o700 });
    await mkdir(cacheDir, { recursive: true, mode: 0o700 });
    await writeFile(hostKeyFile, hostKey.dropbear, { mode: 0o600 });
    await writeFile(hostKeyOpenssh, hostKey.openssh, { mode: 0o600 });
  });
  if (!prepared.ok) return prepared;

  const ran = await runProgram(["bash", script], {
    debianPackage: "bash",
    signal,
    cwd: workDir,
    env: {
      VMBUILD_OUT: outDir,
      VMBUILD_CACHE_DIR: cacheDir,
      VMBUILD_ARCH: "amd64",
      VMBUILD_AUTHORIZED_KEY: keys.value.publicKey,
      VMBUILD_HOST_KEY_FILE: hostKeyFile,
      VMBUILD_HOST_KEY_OPENSSH_FILE: hostKeyOpenssh,
      ...(request.mirror === undefined ? {} : { VMBUILD_MIRROR: request.mirror }),
      ...mediaVariables(request),
    },
    onLine: request.onLine,
  });
  if (!ran.ok) return ran;
  if (ran.value.exitCode !== 0) {
    return failed({
      reason: "recipe-failed",
      name,
      exitCode: ran.value.exitCode,
      message: ran.value.stderr,
    });
  }
  return publish(outDir, request, hostKey.publicKey);
}

const mediaVariable = {
  iso: "VMBUILD_ISO",
  drivers: "VMBUILD_DRIVERS",
  openssh: "VMBUILD_OPENSSH",
} as const satisfies Record<keyof RecipeMedia, string>;

/** The first of `media` whose variable the script does not name. */
async function unusedMedium(
  script: string,
  media: readonly (keyof RecipeMedia)[],
): Promise<keyof RecipeMedia | undefined> {
  const text = await readFile(script, "utf8");
  return media.find((medium) => !text.includes(mediaVariable[medium]));
}

/** An empty variable counts as unset, so that none of the caller's own reaches a recipe. */
function mediaVariables({ media = {}, accelerator }: BuildBaseRequest): Record<string, string> {
  return {
    [mediaVariable.iso]: media.iso ?? "",
    [mediaVariable.drivers]: media.drivers ?? "",
    [mediaVariable.openssh]: media.openssh ?? "",
    VMBUILD_ACCELERATOR: accelerator ?? "tcg",
  };
}

async function publish(
  outDir: string,
  request: BuildBaseRequest,
  hostKey: string,
): Promise<Result<string, ImageFailure>> {
  const { layout, name, signal } = request;
  const file = join(outDir, "profile.toml");
  const text = await readRegularText(file);
  if (!text.ok)
    return failed({ reason: "recipe-failed", name, message: "it left no profile.toml" });
  const parsed = parseProfile({ text: text.value, file });
  if (!parsed.ok) {
    return failed({
      reason: "recipe-failed",
      name,
      message: describeProfileFailure(parsed.error),
    });
  }
  const disk = join(outDir, "disk.qcow2");
  const converted = await convertImage(
    {
      sourcePath: join(outDir, "disk.img"),
      sourceFormat: "raw",
      path: disk,
      format: "qcow2",
      // Nothing writes to a base image, so its clusters are unpacked once per boot at the most.
      // Against zlib, a system's disk in 4.4 s instead of 15.6 s, 2 % smaller, and read in 0.8 of the time.
      compress: "zstd",
    },
    { signal },
  );
  if (!converted.ok) return converted;
  const digests = new DigestStore(layout);
  const diskDigest = await digests.adopt(disk, signal);
  if (!diskDigest.ok) return diskDigest;
  const boot = new Map<string, string>();
  for (const [, path] of bootFiles(parsed.value)) {
    // A file of the host's, such as its UEFI firmware, stays where it is.
    const digest = path.startsWith(`${outDir}/`)
      ? await digests.adopt(path, signal)
      : await digests.importCopy(path, signal);
    if (!digest.ok) return digest;
    boot.set(path, digests.path(digest.value));
  }
  const named = mapBootFiles(parsed.value, (_, path) => boot.get(path) ?? path);
  const profile = { ...named, login: { ...named.login, hostKey } };
  const published = await nameBase(layout, name, profile, diskDigest.value);
  return published.ok ? ok(diskDigest.value) : published;
}
