/** Base images of cloud images: a distribution's, or one that is there. */
import { resolve } from "node:path";
import { createBuildEnvironment } from "../create-environment.ts";
import { parseChecksum, type Checksum } from "../download/checksum.ts";
import { download, type Downloaded, keptPath } from "../download/download.ts";
import { publishedChecksum } from "../download/published.ts";
import { parseSource, type WebSource } from "../download/source.ts";
import { checkFree } from "../image/add-base.ts";
import { checkDisk } from "../image/check-disk.ts";
import { type CloudImage, cloudProfile } from "../image/cloud-images.ts";
import { inputDisk } from "../image/input-disk.ts";
import { readProfileFile } from "../image/read-profile-file.ts";
import { hostArch } from "./boot-disk.ts";
import { configuredBase } from "./configured-base.ts";
import { exitCode } from "./exit-code.ts";
import { type OpenedStore, openSettingsAndStore } from "./open-store.ts";
import { orThrow } from "./or-throw.ts";
import { writeOut } from "./output.ts";
import { transferText } from "./render/transfer-text.ts";
import { liveStatus, plainLines, type StatusLine } from "./render/status-line.ts";
import { duration } from "./render/units.ts";
import type { GuestArch } from "../profile/profile.ts";
import type { Settings } from "./settings.ts";
import { listenForTermination } from "./terminate.ts";
import { UserError } from "./user-error.ts";

export interface CloudFlags extends Pick<Settings, "store"> {
  /** Another place for the image. */
  readonly url?: string;
  /** `TYPE:VALUE` */
  readonly checksum?: string;
  readonly downloadOnly?: boolean;
}

/** A base image that is to be made. */
interface NewBase extends Pick<Settings, "store"> {
  /** Replace a base image of that name. */
  readonly force?: boolean;
}

/** What work is done with, and what ends it. */
interface Work {
  readonly status: StatusLine;
  readonly signal: AbortSignal;
}

/**
 * Gets a distribution's cloud image, compares it with its checksum and looks at it. The path of the store's copy goes to
 * standard output.
 *
 * @throws UserError
 */
export async function downloadCloudImage(
  cloud: CloudImage,
  flags: CloudFlags,
  opened: OpenedStore,
): Promise<void> {
  await atWork(async (work) => {
    await using got = await fetchImage(cloud, flags, opened, work);
    await writeOut(`${keptPath(opened.layout, got.checksum)}\n`);
  });
}

/** Makes the base image of a distribution's cloud image. @throws UserError */
export async function buildCloudBase(
  name: string,
  cloud: CloudImage,
  flags: CloudFlags & NewBase,
  opened: OpenedStore,
): Promise<void> {
  orThrow(await checkFree(opened.layout, name, flags.force === true));
  await atWork(async (work) => {
    await using got = await fetchImage(cloud, flags, opened, work);
    const disk = { path: got.path, format: "qcow2" } as const;
    await configure(name, { disk, profile: cloudProfile("x86_64") }, opened, work);
  });
}

/** Makes a base image of a cloud image that is there. @throws UserError */
export async function addCloudBase(
  name: string,
  flags: NewBase & { readonly from: string; readonly profile?: string; readonly arch?: GuestArch },
): Promise<void> {
  const opened = await openSettingsAndStore(flags);
  orThrow(await checkFree(opened.layout, name, flags.force === true));
  const profile =
    flags.profile === undefined
      ? cloudProfile(flags.arch ?? hostArch())
      : orThrow(await readProfileFile(resolve(flags.profile)));
  await atWork(async (work) => {
    const path = resolve(flags.from);
    const format = orThrow(await checkDisk(path, work.signal));
    await configure(name, { disk: { path, format }, profile }, opened, work);
  });
}

async function configure(
  name: string,
  image: Pick<Parameters<typeof configuredBase>[0], "disk" | "profile">,
  { settings, store, layout }: OpenedStore,
  work: Work,
): Promise<void> {
  const startedAt = performance.now();
  const env = createBuildEnvironment({ ...settings, store, contextDir: process.cwd() });
  const digest = await configuredBase({ name, ...image, env, layout, ...work });
  work.status.clear(0);
  await work.status.print(
    `made base image ${name} in ${duration(performance.now() - startedAt)}\n`,
  );
  await writeOut(`sha256:${digest}\n`);
}

/** Does something that takes long, with a line that tells how far it is. @throws UserError */
async function atWork(act: (work: Work) => Promise<void>): Promise<void> {
  const status = process.stderr.isTTY ? liveStatus(process.stderr) : plainLines(process.stderr);
  using termination = listenForTermination(() => void status.print("stopping\n"));
  try {
    await act({ status, signal: termination.signal });
  } catch (error) {
    const code = termination.exitCode();
    throw code === undefined ? error : new UserError("cancelled", { exitCode: code });
  } finally {
    status.close();
  }
}

/** A downloaded image, with the checksum that it has. */
interface Fetched extends Downloaded {
  readonly checksum: Checksum;
}

async function fetchImage(
  cloud: CloudImage,
  flags: CloudFlags,
  { layout }: OpenedStore,
  { status, signal }: Work,
): Promise<Fetched> {
  const source = sourceOf(flags.url ?? cloud.url);
  const given = flags.checksum === undefined ? undefined : checksumOf(flags.checksum);
  const checksum =
    given ?? orThrow(await publishedChecksum(source, cloud.checksums, { layout, signal }));
  const onProgress = (progress: Parameters<typeof transferText>[1]): void =>
    status.set(0, transferText(source.url, progress));
  const file = orThrow(await download({ layout, source, checksum, signal, onProgress }));
  try {
    status.clear(0);
    orThrow(await inputDisk({ path: file.path, name: source.url, declared: "qcow2" }, signal));
    await status.print(`got ${source.url}\n${checksum.algorithm}:${checksum.value}\n`);
    return { ...file, checksum, [Symbol.asyncDispose]: () => file[Symbol.asyncDispose]() };
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
}

function sourceOf(text: string): WebSource {
  const source = parseSource(text);
  if (source.ok && source.value.kind === "web") return source.value;
  throw new UserError(`--url ${text}: this is no http or https URL`, { exitCode: exitCode.usage });
}

function checksumOf(text: string): Checksum {
  const [, type = "", value = ""] = /^([^:]*):(.*)$/.exec(text) ?? [];
  const parsed = parseChecksum(type, value);
  if (parsed.ok) return parsed.value;
  const { message, hint = "write it as TYPE:VALUE, such as sha256:0123…" } = parsed.error;
  throw new UserError(`--checksum ${text}: ${message}`, { exitCode: exitCode.usage, hint });
}
