import { mkdir, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildPlan } from "../../src/build/build-plan.ts";
import { contextOf } from "../../src/build/context-of.ts";
import type { BuildEnvironment } from "../../src/build/environment.ts";
import type { BuildEvent } from "../../src/build/event.ts";
import type { FailedBuild } from "../../src/build/failure.ts";
import { MachineSlots } from "../../src/build/machine-slots.ts";
import { SharedSteps } from "../../src/build/shared-steps.ts";
import { type GatherOptions, gatherInputs } from "../../src/build/gather-inputs.ts";
import { FileBaseImages } from "../../src/image/file-base-images.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { planSpec } from "../../src/plan/plan-spec.ts";
import { ok, type Result } from "../../src/result.ts";
import type { Sandbox } from "../../src/sandbox/sandbox.ts";
import { parseSpec } from "../../src/spec/parse-spec.ts";
import { storeLayout } from "../../src/store/layout.ts";
import { openStore } from "../../src/store/open-store.ts";
import type { Layer, Store } from "../../src/store/store.ts";

/** A store, a base image of one empty megabyte, a context, and a builder around the given sandbox. */
export class BuildRig implements AsyncDisposable {
  readonly dir: string;
  readonly contextDir: string;
  readonly store: Store;
  readonly events: BuildEvent[] = [];

  private constructor(dir: string, store: Store) {
    this.dir = dir;
    this.contextDir = join(dir, "context");
    this.store = store;
  }

  static async create(): Promise<BuildRig> {
    const dir = await mkdtemp(join(tmpdir(), "vmbuild-rig-"));
    await mkdir(join(dir, "context"));
    const rig = await BuildRig.at(dir);
    await rig.putBase("tiny");
    return rig;
  }

  /** A rig around what another process has created in `dir`; disposing removes it all the same. */
  static async at(dir: string): Promise<BuildRig> {
    const store = await openStore(join(dir, "store"));
    if (!store.ok) throw new Error(JSON.stringify(store.error));
    return new BuildRig(dir, store.value);
  }

  /** Puts a raw disk of 1 MiB with the given first bytes into `base-image/`. */
  async putBase(name: string, content = name): Promise<void> {
    const path = storeLayout(this.store.root).baseImage(name, "img");
    await writeFile(path, content);
    await truncate(path, 1024 ** 2);
  }

  /** Plans a spec. @throws Error when it cannot be planned */
  async plan(
    text: string,
    options: Pick<GatherOptions, "diskSizeBytes" | "images"> = {},
  ): Promise<Plan> {
    const parsed = parseSpec({ name: "test.spec", text });
    if (!parsed.ok) throw new Error(parsed.error.map(({ message }) => message).join("\n"));
    const inputs = await gatherInputs(parsed.value.spec, {
      store: this.store,
      bases: new FileBaseImages(storeLayout(this.store.root)),
      contextDir: this.contextDir,
      signal: new AbortController().signal,
      ...options,
    });
    if (!inputs.ok) throw new Error(JSON.stringify(inputs.error));
    return planSpec(parsed.value.spec, inputs.value);
  }

  environment(sandbox: Sandbox, overrides: Partial<BuildEnvironment> = {}): BuildEnvironment {
    return {
      store: this.store,
      sandbox,
      steps: new SharedSteps(),
      bases: new FileBaseImages(storeLayout(this.store.root)),
      resources: async (profile) =>
        ok({
          memoryBytes: profile.memoryBytes,
          hostMemoryBytes: profile.memoryBytes,
          cpus: profile.cpus,
          accelerator: "tcg",
          bootTimeoutMs: profile.bootTimeoutMs,
        }),
      context: contextOf(this.contextDir),
      logLimitBytes: 1024 ** 2,
      slots: new MachineSlots({ machines: 2, memoryBytes: Infinity, cpus: Infinity }),
      keepFailed: false,
      version: "0.0.0-test",
      ...overrides,
    };
  }

  /** Plans and builds a spec. */
  async build(
    text: string,
    sandbox: Sandbox,
    options: {
      readonly signal?: AbortSignal;
      readonly environment?: Partial<BuildEnvironment>;
      readonly keepGoing?: boolean;
    } = {},
  ): Promise<Result<Layer, FailedBuild>> {
    return buildPlan(await this.plan(text), this.environment(sandbox, options.environment), {
      signal: options.signal ?? new AbortController().signal,
      onEvent: (event) => void this.events.push(event),
      ...(options.keepGoing === undefined ? {} : { keepGoing: options.keepGoing }),
    });
  }

  /** The types of the events so far with the number of their step. */
  eventTypes(): readonly string[] {
    return this.events.map((event) =>
      event.type === "note" ? "note" : `${event.ref.number} ${event.type}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.dir, { recursive: true, force: true });
  }
}
