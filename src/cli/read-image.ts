import type { EditFailure } from "../appliance/failure.ts";
import type { DiskRequest } from "../appliance/read-disk.ts";
import type { SystemChoice } from "../appliance/volume-script.ts";
import type { BuildEnvironment } from "../build/environment.ts";
import { createBuildEnvironment } from "../create-environment.ts";
import type { Result } from "../result.ts";
import { checkDisk } from "../image/check-disk.ts";
import { type BootDisk, findBootImage, openFoundImage } from "./boot-disk.ts";
import { openSettingsAndStore } from "./open-store.ts";
import { orThrow, userError } from "./or-throw.ts";
import type { Settings } from "./settings.ts";
import { readSystemChoice, type SystemFlags } from "./system-choice.ts";
import { listenForTermination } from "./terminate.ts";
import { UserError } from "./user-error.ts";

/** What commands that read images have in common. */
export type ImageFlags = Pick<Settings, "store"> & SystemFlags;

/** Images that are open, and what failed of theirs, in the user's words. */
export interface ImageReader {
  /** Opens an image's disk, found as of `openBootDisk`. It is given back when all is done. @throws UserError */
  open(image: string): Promise<DiskRequest>;
  /** A value that was read. @throws UserError with the image as the user calls it */
  orThrow<T>(result: Result<T, EditFailure>): T;
}

/** Gives `use` a way to read images without booting them, until that has ended. @throws UserError */
export async function readImages<T>(
  flags: ImageFlags,
  use: (reader: ImageReader) => Promise<T>,
): Promise<T> {
  const system = await readSystemChoice(flags);
  const { settings, store } = await openSettingsAndStore(flags);
  using termination = listenForTermination(() => {});
  const { signal } = termination;
  const env = createBuildEnvironment({
    ...settings,
    store,
    contextDir: process.cwd(),
    note() {},
  });
  await using disks = new Disks(env, system, signal);
  try {
    return await use(disks);
  } catch (error) {
    const code = termination.exitCode();
    throw code === undefined ? error : new UserError("cancelled", { exitCode: code });
  }
}

class Disks implements ImageReader, AsyncDisposable {
  readonly #env: BuildEnvironment;
  readonly #system: SystemChoice | undefined;
  readonly #names = new Map<string, string>();
  readonly #open: BootDisk[] = [];
  readonly #notes = new Set<string>();
  readonly #signal: AbortSignal;

  constructor(env: BuildEnvironment, system: SystemChoice | undefined, signal: AbortSignal) {
    this.#env = env;
    this.#system = system;
    this.#signal = signal;
  }

  async open(image: string): Promise<DiskRequest> {
    const [env, signal] = [this.#env, this.#signal];
    const { diskPath, diskFormat } = await this.#openDisk(image);
    this.#names.set(diskPath, image);
    const onNote = (note: string): void => this.#note(`${image}: ${note}`);
    return { env, diskPath, diskFormat, system: this.#system, signal, onNote };
  }

  /** A file is read where it is. What is in the store is held meanwhile. */
  async #openDisk(image: string): Promise<Pick<DiskRequest, "diskPath" | "diskFormat">> {
    const [env, signal] = [this.#env, this.#signal];
    const found = await findBootImage({ image, env, signal });
    if (found.kind === "file") {
      const diskFormat = orThrow(await checkDisk(found.path, signal));
      return { diskPath: found.path, diskFormat };
    }
    const disk = await openFoundImage(found, { image, env, persist: false, signal });
    this.#open.push(disk);
    return disk;
  }

  /** Once, though an image may be read several times. */
  #note(text: string): void {
    if (this.#notes.has(text)) return;
    this.#notes.add(text);
    process.stderr.write(`note: ${text}\n`);
  }

  orThrow<T>(result: Result<T, EditFailure>): T {
    if (result.ok) return result.value;
    const { error } = result;
    // The user knows the images, and not the overlays on them.
    if (!("path" in error)) throw userError(error);
    throw userError({ ...error, path: this.#names.get(error.path) ?? error.path });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#open.map((disk) => disk[Symbol.asyncDispose]()));
  }
}
