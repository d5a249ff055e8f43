/** A stage that makes a qcow2 overlay, and how it is published. */
import { chmod, rename, rm, writeFile } from "node:fs/promises";
import type { StepId } from "../plan/step.ts";
import { failed, ok, type Result } from "../result.ts";
import type { StoreContext } from "./durable.ts";
import { keepFailedLog, writeFailure } from "./failed-log.ts";
import type { StoreFailure } from "./failure.ts";
import { attempt, errorCode } from "./fs-failure.ts";
import type { LayerMetadata } from "./layer.ts";
import { readLayer } from "./layer-file.ts";
import type { StagePaths } from "./layout.ts";
import { checkImage } from "./qemu-img.ts";
import { writeProcess } from "./stage-record.ts";
import type { Layer, Stage, StageRequest } from "./store.ts";

/** An opened stage; its directory and disk are there, see `openStage`. */
export class OverlayStage implements Stage {
  readonly id: StepId;
  readonly dir: string;
  readonly diskPath: string;
  readonly logPath: string;
  readonly serialLogPath: string;
  readonly suspendedDir: string;
  readonly workDir: string;
  readonly #context: StoreContext;
  readonly #request: StageRequest;
  readonly #paths: StagePaths;
  readonly #onDispose: () => void;
  #state: "open" | "kept" | "gone" = "open";
  #checked: Promise<Result<void, StoreFailure>> | undefined;

  /** `onDispose` is called when the stage is disposed of, whatever became of it. */
  constructor(
    context: StoreContext,
    request: StageRequest,
    paths: StagePaths,
    onDispose: () => void = () => {},
  ) {
    this.id = request.id;
    this.dir = paths.dir;
    this.diskPath = paths.diskPath;
    this.logPath = paths.logPath;
    this.serialLogPath = paths.serialLogPath;
    this.suspendedDir = paths.suspendedDir;
    this.workDir = paths.workDir;
    this.#context = context;
    this.#request = request;
    this.#paths = paths;
    this.#onDispose = onDispose;
  }

  async promote(metadata: LayerMetadata): Promise<Result<Layer, StoreFailure>> {
    const { base } = this.#request;
    const parent = base.kind === "layer" ? base.id : undefined;
    const isOutside = base.kind === "file";
    if (
      this.#state !== "open" ||
      isOutside ||
      metadata.id !== this.id ||
      metadata.parent !== parent
    ) {
      throw new Error(`Internal error: stage ${this.dir} cannot become layer ${metadata.id}`);
    }
    this.diskComplete();
    const checked = await this.#checked;
    if (checked?.ok === false) {
      return checked;
    }
    const published = await attempt(this.dir, () => this.#publish(metadata));
    return published.ok ? published.value : published;
  }

  diskComplete(): void {
    this.#checked ??= this.#finishDisk();
  }

  async machineStarted(pid: number): Promise<Result<void, StoreFailure>> {
    const { machinePath } = this.#paths;
    return attempt(machinePath, async () => {
      await writeProcess(machinePath, pid);
    });
  }

  async keepLog(): Promise<Result<void, StoreFailure>> {
    return keepFailedLog(this.#context.layout, this.id, this.logPath);
  }

  async noteFailure(record: unknown): Promise<Result<void, StoreFailure>> {
    return writeFailure(this.#context.layout, this.id, this.dir, record);
  }

  async keepFor(pid: number): Promise<void> {
    const { keptPath } = this.#paths;
    const noted = await attempt(keptPath, () => writeProcess(keptPath, pid));
    if (noted.ok && noted.value && this.#state === "open") {
      this.#state = "kept";
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#onDispose();
    // It works on what is about to be removed.
    await this.#checked;
    if (this.#state === "open") {
      this.#state = "gone";
      await rm(this.dir, { recursive: true, force: true });
    }
  }

  async #finishDisk(): Promise<Result<void, StoreFailure>> {
    const checked = await this.#checkDisk();
    return checked.ok ? attempt(this.dir, () => this.#seal(this.diskPath)) : checked;
  }

  /** Nothing writes to a layer any more; QEMU opens what a disk is backed by read-only. */
  async #seal(path: string): Promise<void> {
    await chmod(path, 0o444);
    await this.#context.sync(path);
  }

  /** A promoted disk has no leaks either, so that checking a store shows only what is wrong. */
  async #checkDisk(): Promise<Result<void, StoreFailure>> {
    const { signal } = this.#request;
    let health = await checkImage(this.diskPath, { signal });
    if (health.ok && health.value.kind === "leaks") {
      health = await checkImage(this.diskPath, { signal, repairLeaks: true });
    }
    if (!health.ok) {
      return health;
    }
    return health.value.kind === "clean"
      ? ok()
      : failed({
          reason: "disk-corrupt",
          path: this.diskPath,
          message: health.value.kind === "corrupt" ? health.value.message : "leaks stay",
        });
  }

  async #publish(metadata: LayerMetadata): Promise<Result<Layer, StoreFailure>> {
    const { layout, sync } = this.#context;
    const { serialLogPath, basePath, machinePath, metadataPath, diskDir } = this.#paths;
    await writeFile(metadataPath, `${JSON.stringify(metadata, undefined, 2)}\n`);
    for (const path of [serialLogPath, basePath, machinePath]) {
      await rm(path, { force: true });
    }
    await this.#seal(this.logPath);
    await this.#seal(metadataPath);
    await sync(diskDir);
    await sync(this.dir);
    if (this.#request.signal.aborted) {
      return failed({ reason: "cancelled" });
    }
    const renamed = await this.#rename();
    if (renamed) {
      this.#state = "gone";
      await sync(layout.resultDir);
    }
    const layer = await readLayer(layout, this.id);
    if (layer === undefined) {
      return failed({
        reason: "store-unusable",
        path: layout.layer(this.id).dir,
        message: "the directory is not a layer this version of vmbuild knows",
        hint: "Remove the directory, or build with the version of vmbuild that made it.",
      });
    }
    await this[Symbol.asyncDispose]();
    return ok(layer);
  }

  /** False when there is something under the layer's name already. */
  async #rename(): Promise<boolean> {
    try {
      await rename(this.dir, this.#context.layout.layer(this.id).dir);
      return true;
    } catch (error) {
      const code = errorCode(error);
      if (code === "ENOTEMPTY" || code === "EEXIST") {
        return false;
      }
      throw error;
    }
  }
}
