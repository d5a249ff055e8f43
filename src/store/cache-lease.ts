import { type FileHandle, rm } from "node:fs/promises";
import { failed, ok, type Result } from "../result.ts";
import { addOverlay, linkEmptyDisk, mergeChain } from "./cache-disk.ts";
import { tarOfDisk } from "./cache-tar.ts";
import type { CacheContent } from "./cache-version.ts";
import type { StoreContext } from "./durable.ts";
import type { StoreFailure } from "./failure.ts";
import { attempt } from "./fs-failure.ts";
import type { CacheStagePaths } from "./layout.ts";
import type { CacheDisk, CacheForm, CacheLease, CacheTar } from "./store.ts";

/** A version in the making. */
export interface MadeVersion {
  readonly dir: string;
  /** The file in it that no version has had yet. */
  readonly newest: string;
}

/** What a lease is made of; it owns the stage and the content's handle from now on. */
export interface LeaseParts {
  readonly name: string;
  readonly stage: CacheStagePaths;
  /** A disk's files are in the stage already. */
  readonly content: CacheContent | undefined;
  /** Throws what the file system throws. */
  readonly publish: (made: MadeVersion) => Promise<"published" | "stale">;
}

/** One step's private view of a cache, in a directory of its own. */
export class Lease implements CacheLease {
  readonly name: string;
  readonly newContentPath: string;
  readonly #context: StoreContext;
  readonly #parts: LeaseParts;
  #content: CacheContent | undefined;
  #converted: (CacheTar & { readonly handle: FileHandle }) | undefined;
  /** The number of the disk's file that is written to. */
  #top = 0;
  #published = false;

  constructor(context: StoreContext, parts: LeaseParts) {
    this.#context = context;
    this.#parts = parts;
    this.#content = parts.content;
    this.name = parts.name;
    this.newContentPath = parts.stage.tar.tarPath;
  }

  get content(): CacheForm | undefined {
    return this.#content?.form;
  }

  async openTar(signal: AbortSignal): Promise<Result<CacheTar, StoreFailure>> {
    const content = this.#content;
    if (content === undefined) throw new Error(`Internal error: cache ${this.name} has no content`);
    if (content.form === "tar") {
      const { handle, path, sizeBytes } = content;
      return ok({ fd: handle.fd, path, sizeBytes });
    }
    if (this.#converted !== undefined) return ok(this.#converted);
    const { stage } = this.#parts;
    const converted = await tarOfDisk(stage.disk.disk(content.count - 1), stage, signal);
    if (converted.ok) this.#converted = converted.value;
    return converted;
  }

  async openDisk(signal: AbortSignal): Promise<Result<CacheDisk, StoreFailure>> {
    const { disk } = this.#parts.stage;
    const content = this.#content;
    const isFilled = content?.form === "disk";
    if (!isFilled) {
      const linked = await linkEmptyDisk(this.#context, disk, signal);
      if (!linked.ok) return linked;
    }
    this.#top = isFilled ? content.count : 1;
    const path = disk.disk(this.#top);
    await rm(path, { force: true });
    const added = await addOverlay(disk, this.#top, signal);
    return added.ok ? ok({ path, isFilled }) : failed(added.error);
  }

  startAnew(): void {
    this.#content = undefined;
  }

  async publish(form: CacheForm): Promise<Result<"published" | "stale", StoreFailure>> {
    if (this.#published) {
      throw new Error(`Internal error: cache ${this.name} is published twice from one lease`);
    }
    this.#published = true;
    const made = form === "tar" ? ok(this.#tar()) : await this.#disk();
    if (!made.ok) return made;
    return attempt(made.value.newest, () => this.#parts.publish(made.value));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { content, stage } = this.#parts;
    if (content?.form === "tar") await content.handle.close();
    await this.#converted?.handle.close();
    await rm(stage.dir, { recursive: true, force: true });
  }

  #tar(): MadeVersion {
    return { dir: this.#parts.stage.tar.dir, newest: this.newContentPath };
  }

  async #disk(): Promise<Result<MadeVersion, StoreFailure>> {
    const { disk } = this.#parts.stage;
    const top = await mergeChain(disk, this.#top);
    return top.ok ? ok({ dir: disk.dir, newest: disk.disk(top.value) }) : top;
  }
}
