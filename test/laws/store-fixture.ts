/** A store in a temporary directory with one small base image, and the shortest way to a layer in it. */
import { createHash } from "node:crypto";
import { appendFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { StepId } from "../../src/plan/step.ts";
import type { Profile } from "../../src/profile/profile.ts";
import type { Result } from "../../src/result.ts";
import type { LayerMetadata } from "../../src/store/layer.ts";
import type { Layer, Stage, StageBase, Store } from "../../src/store/store.ts";

/** Virtual size of the base image. */
export const BASE_BYTES = 1 << 20;

/** A store to be tested; disposing removes it. */
export interface StoreFixture extends AsyncDisposable {
  /** The directory the store is in; the store itself is made by `open`. */
  readonly root: string;
  /** The base image, filled with `B`, once a store has been opened. */
  readonly base: StageBase;
  /** Opens the store as a process does when it starts. */
  open(): Promise<Store>;
}

/** Makes a fixture; `open` is what is under test. */
export async function storeFixture(
  open: (root: string) => Promise<Result<Store, unknown>>,
  dir?: string,
): Promise<StoreFixture> {
  const temporary = dir ?? (await mkdtemp(join(tmpdir(), "vmbuild-store-")));
  const root = join(temporary, "store");
  const content = Buffer.alloc(BASE_BYTES, "B");
  const digest = createHash("sha256").update(content).digest("hex");
  const path = join(root, "base-image", "sha256", digest);
  return {
    root,
    base: { kind: "image", digest, format: "raw" },
    async open() {
      const store = expectOk(await open(root));
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
      return store;
    },
    async [Symbol.asyncDispose]() {
      await rm(temporary, { recursive: true, force: true });
    },
  };
}

/** The value of a result that must have succeeded. */
export function expectOk<T>(result: Result<T, unknown>): T {
  if (!result.ok) {
    throw new Error(`Expected success, got ${JSON.stringify(result.error)}`);
  }
  return result.value;
}

/** An id as good as any; the same text gives the same. */
export function idOf(text: string): StepId {
  return createHash("sha256").update(text).digest("hex") as StepId;
}

/** A valid record for a layer. */
export function metadataOf(id: StepId, parent?: StepId): LayerMetadata {
  return {
    version: 1,
    id,
    ...(parent === undefined ? {} : { parent }),
    op: parent === undefined ? "from" : "run",
    heading: "(run (shell true))",
    base: { name: "tiny", digest: "0".repeat(64) },
    profile,
    createdAt: "2026-01-02T03:04:05Z",
    durationMs: 12,
    vmbuild: "0.1.0",
  };
}

/** Opens a stage that must open. */
export async function openStageOn(store: Store, base: StageBase, id: StepId): Promise<Stage> {
  return expectOk(await store.stage({ id, base, signal: new AbortController().signal }));
}

/** Makes a layer the usual way: stage, log, promotion. */
export async function makeLayer(
  store: Store,
  base: StageBase,
  id: StepId,
  log = "log\n",
): Promise<Layer> {
  await using stage = await openStageOn(store, base, id);
  await appendFile(stage.logPath, log);
  const parent = base.kind === "layer" ? base.id : undefined;
  return expectOk(await stage.promote(metadataOf(id, parent)));
}

const profile: Profile = {
  os: "linux",
  arch: "x86_64",
  machine: "pc",
  boot: { kind: "firmware", firmware: { kind: "bios" } },
  diskBus: "virtio",
  login: { user: "root", port: 22, identity: { kind: "store" }, become: "none" },
  user: { kind: "login" },
  shell: ["/bin/sh", "-c"],
  env: {},
  memoryBytes: 1 << 28,
  cpus: 1,
  bootTimeoutMs: 1000,
  powerOffTimeoutMs: 1000,
  bulkTransport: "stream",
};
