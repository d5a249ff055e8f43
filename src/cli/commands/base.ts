import { resolve } from "node:path";
import { createBuildEnvironment } from "../../create-environment.ts";
import { addBase } from "../../image/add-base.ts";
import { buildBase, type RecipeMedia } from "../../image/build-base.ts";
import { cloudImage } from "../../image/cloud-images.ts";
import { FileBaseImages } from "../../image/file-base-images.ts";
import { baseNames } from "../../image/find-base.ts";
import { removeBase } from "../../image/remove-base.ts";
import type { ImageFailure } from "../../image/failure.ts";
import type { Accelerator } from "../../machine/accelerator.ts";
import { defaultProfile } from "../../profile/default-profile.ts";
import type { GuestArch } from "../../profile/profile.ts";
import type { Result } from "../../result.ts";
import {
  addCloudBase,
  buildCloudBase,
  type CloudFlags,
  downloadCloudImage,
} from "../cloud-base.ts";
import { exitCode } from "../exit-code.ts";
import { type OpenedStore, openSettingsAndStore } from "../open-store.ts";
import { orThrow } from "../or-throw.ts";
import { columns, writeOut } from "../output.ts";
import { failureMessage } from "../render/failure-message.ts";
import { liveStatus, plainLines } from "../render/status-line.ts";
import { duration } from "../render/units.ts";
import type { Settings } from "../settings.ts";
import { listenForTermination, type Termination } from "../terminate.ts";
import { UserError } from "../user-error.ts";

type Flags = Pick<Settings, "store">;

/** `vmbuild base build` */
export async function baseBuild(
  name: string,
  flags: Flags & {
    readonly ifMissing?: boolean;
    readonly force?: boolean;
    readonly mirror?: string;
    readonly iso?: string;
    readonly drivers?: string;
    readonly openssh?: string;
    /** Which of the three were named on the command line. */
    readonly asked: readonly (keyof RecipeMedia)[];
    readonly verbose?: boolean;
  } & CloudFlags,
): Promise<void> {
  const cloud = cloudImage(name);
  const opened = await openSettingsAndStore(flags);
  const { layout } = opened;
  if (cloud !== undefined && flags.downloadOnly === true) {
    return downloadCloudImage(cloud, flags, opened);
  }
  if (flags.ifMissing === true && (await baseNames(layout)).includes(name)) {
    process.stderr.write(`base image ${name} is there already\n`);
    return;
  }
  if (cloud !== undefined) return buildCloudBase(name, cloud, flags, opened);
  const live = process.stderr.isTTY && flags.verbose !== true;
  const status = live ? liveStatus(process.stderr) : plainLines(process.stderr);
  using termination = listenForTermination(() => void status.print("stopping\n"));
  const startedAt = performance.now();
  status.set(0, `making ${name}`);
  try {
    const built = await buildBase({
      layout,
      name,
      media: Object.fromEntries(
        (["iso", "drivers", "openssh"] as const).flatMap((medium) => {
          const path = flags[medium];
          return path === undefined || path === "" ? [] : [[medium, resolve(path)]];
        }),
      ),
      asked: flags.asked,
      ...(flags.iso === undefined || flags.iso === ""
        ? {}
        : { accelerator: await acceleratorFor(opened, termination) }),
      force: flags.force === true,
      ...(flags.mirror === undefined ? {} : { mirror: flags.mirror }),
      signal: termination.signal,
      onLine: (line) => {
        if (live) status.set(0, `making ${name}: ${line}`);
        else void status.print(`${line}\n`);
      },
    });
    const digest = orCancelled(built, termination);
    status.clear(0);
    await status.print(`made base image ${name} in ${duration(performance.now() - startedAt)}\n`);
    await writeOut(`sha256:${digest}\n`);
  } finally {
    status.close();
  }
}

/** `vmbuild base add` */
export async function baseAdd(
  name: string,
  flags: Flags & {
    readonly from: string;
    readonly profile?: string;
    readonly force?: boolean;
    readonly cloudInit?: boolean;
    readonly arch?: GuestArch;
  },
): Promise<void> {
  if (flags.cloudInit === true) return addCloudBase(name, flags);
  if (flags.arch !== undefined) {
    throw new UserError("--arch is for --cloud-init alone", {
      exitCode: exitCode.usage,
      hint: "a profile says what a disk is: --profile",
    });
  }
  const { layout } = await openSettingsAndStore(flags);
  using termination = listenForTermination(() => {});
  const added = await addBase({
    layout,
    name,
    diskPath: resolve(flags.from),
    ...(flags.profile === undefined ? {} : { profilePath: resolve(flags.profile) }),
    force: flags.force === true,
    signal: termination.signal,
  });
  const digest = orCancelled(added, termination);
  process.stderr.write(`added base image ${name}\n`);
  await writeOut(`sha256:${digest}\n`);
}

/** `vmbuild base ls` */
export async function baseLs(flags: Flags & { readonly json?: boolean }): Promise<void> {
  const { layout } = await openSettingsAndStore(flags);
  const entries = await new FileBaseImages(layout).list();
  if (flags.json === true) {
    await writeOut(`${JSON.stringify(entries, undefined, 2)}\n`);
    return;
  }
  const rows = entries.map((entry) =>
    entry.problem === undefined
      ? [entry.name, entry.profile?.os ?? "", entry.profile?.arch ?? "", entry.diskPath ?? ""]
      : [entry.name, "-", "-", `cannot be used: ${failureMessage(entry.problem).text}`],
  );
  await writeOut(columns([["NAME", "OS", "ARCH", "DISK"], ...rows]));
}

/** `vmbuild base rm` */
export async function baseRm(name: string, flags: Flags): Promise<void> {
  const { layout, store } = await openSettingsAndStore(flags);
  orThrow(await removeBase(layout, store, name));
  process.stderr.write(`removed base image ${name}\n`);
}

/** A recipe that is given an ISO starts a machine. */
async function acceleratorFor(
  { settings, store }: OpenedStore,
  termination: Termination,
): Promise<Accelerator> {
  const env = createBuildEnvironment({ ...settings, store, contextDir: process.cwd() });
  const profile = defaultProfile("linux", "x86_64");
  return orThrow(await env.resources(profile, termination.signal)).accelerator;
}

function orCancelled<T>(result: Result<T, ImageFailure>, termination: Termination): T {
  const code = termination.exitCode();
  if (!result.ok && result.error.reason === "cancelled" && code !== undefined) {
    throw new UserError("cancelled", { exitCode: code });
  }
  return orThrow(result);
}
