/**
 * Looks through a whole store for anything that is not as it promises. Changes nothing; in particular it does not
 * clear away what opening a store would.
 *
 * Others may build meanwhile: what they are at work on is listed as in use, and what they remove is not missed.
 */
import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import PQueue from "p-queue";
import { ok, type Result } from "../result.ts";
import { parseDownloadEntry } from "./downloads.ts";
import { unescapeName } from "./escaped-name.ts";
import type { StoreFailure } from "./failure.ts";
import { attempt } from "./fs-failure.ts";
import { exists, isStepId, readLayer } from "./layer-file.ts";
import { type StoreLayout, storeLayout } from "./layout.ts";
import type { StoreFinding, StoreReport } from "./store-report.ts";
import { readTag } from "./tags.ts";
import { verifyCache } from "./verify-cache.ts";
import { entriesOf, findingsAt, type Found, sha256Of, verifyMode } from "./verify-files.ts";
import { type LayerKnowledge, verifyLayer } from "./verify-layer.ts";
import { machinesOf, orphansOf } from "./verify-machines.ts";
import { verifyOwners } from "./verify-owners.ts";

/** How many entries are looked at at once: `qemu-img` takes most of the time, and little memory. */
const AT_ONCE = 4;

export interface VerifyOptions extends LayerKnowledge {
  /** Leaves the contents of base images and downloads unread. */
  readonly quick?: boolean;
  /** The checksum of a download as it is now, when its name tells another one. Rejects with what the system says. */
  changedDownload(path: string): Promise<string | undefined>;
}

/**
 * Everything that is wrong with the store at the absolute path `root`, by kind and then by name. Fails when it cannot
 * be told: there is no store, or the host has no qemu-img.
 */
export async function verifyStore(
  root: string,
  options: VerifyOptions,
): Promise<Result<StoreReport, StoreFailure>> {
  const layout = storeLayout(root);
  const verified = await attempt(root, () => verify(layout, options));
  return verified.ok ? verified.value : verified;
}

async function verify(
  layout: StoreLayout,
  options: VerifyOptions,
): Promise<Result<StoreReport, StoreFailure>> {
  await stat(layout.root);
  // Before the entries in use: the owner of a machine that is seen here is then seen there.
  const machines = await machinesOf(layout.root);
  const owners = await verifyOwners(layout);
  if (!owners.ok) return owners;
  const { inUse } = owners.value;

  const layers = await entriesOf(layout.resultDir);
  const baseImages = await entriesOf(layout.digestDir);
  const caches = await entriesOf(layout.cacheDir);
  const tags = await entriesOf(layout.tagDir);
  const downloads = (await entriesOf(layout.downloadDir)).filter(
    (entry) => parseDownloadEntry(entry)?.isPart === false,
  );
  const suspended = await suspendedDirs(layout, layers);
  const looks: readonly Look[] = [
    ...layers.map((entry) => lookAtLayer(layout, entry, options)),
    ...suspended.map((path) => ({ path, look: () => verifySuspended(path, options) })),
    ...baseImages.map((entry) => {
      const path = join(layout.digestDir, entry);
      return { path, look: () => verifyBaseImage(path, options.quick === true) };
    }),
    ...downloads.map((entry) => lookAtDownload(layout.download(entry), options)),
    ...caches.map((entry) => ({
      path: layout.cache(entry),
      look: () => verifyCache(layout, entry),
    })),
    ...tags.map((entry) => ({ path: layout.tag(entry), look: () => verifyTag(layout, entry) })),
  ];
  const found = await lookAtAll(looks);
  if (!found.ok) return found;
  return ok({
    root: layout.root,
    layers: layers.length,
    baseImages: baseImages.length,
    downloads: downloads.length,
    caches: caches.length,
    suspendedMachines: suspended.length,
    findings: [
      ...(await verifyModes(layout)),
      ...owners.value.findings,
      ...found.value,
      ...(await orphansOf(machines, inUse)),
    ],
    inUse,
  });
}

/** One entry, and how it is verified. */
interface Look {
  readonly path: string;
  readonly look: () => Promise<Found>;
}

/** The findings are in the order of `looks`, whatever is looked at first. */
async function lookAtAll(looks: readonly Look[]): Promise<Found> {
  const queue = new PQueue({ concurrency: AT_ONCE });
  const found = await Promise.all(
    looks.map(({ path, look }) => queue.add(() => findingsAt(path, look))),
  );
  const findings: StoreFinding[] = [];
  for (const one of found) {
    if (!one.ok) return one;
    findings.push(...one.value);
  }
  return ok(findings);
}

function lookAtLayer(layout: StoreLayout, entry: string, options: VerifyOptions): Look {
  const path = join(layout.resultDir, entry);
  return {
    path,
    look: async () =>
      isStepId(entry)
        ? verifyLayer(layout, entry, options)
        : ok([{ reason: "entry-unknown", path }]),
  };
}

async function suspendedDirs(
  layout: StoreLayout,
  entries: readonly string[],
): Promise<readonly string[]> {
  const dirs = entries.filter(isStepId).map((id) => layout.layer(id).suspendedDir);
  const areThere = await Promise.all(dirs.map(exists));
  return dirs.filter((_, index) => areThere[index] === true);
}

async function verifySuspended(path: string, options: VerifyOptions): Promise<Found> {
  const message = await options.suspendedProblem(path);
  return ok(message === undefined ? [] : [{ reason: "suspended-unusable", path, message }]);
}

async function verifyBaseImage(path: string, quick: boolean): Promise<Found> {
  const name = basename(path);
  if (!/^[0-9a-f]{64}$/.test(name)) return ok([{ reason: "entry-unknown", path }]);
  const modes = await verifyMode(path, 0o400);
  const digest = quick ? name : await sha256Of(path);
  return ok(digest === name ? modes : [...modes, { reason: "content-changed", path, digest }]);
}

function lookAtDownload(path: string, options: VerifyOptions): Look {
  return {
    path,
    look: async () => {
      const digest = options.quick === true ? undefined : await options.changedDownload(path);
      return ok([
        ...(await verifyMode(path, 0o400)),
        ...(digest === undefined ? [] : [{ reason: "download-changed", path, digest } as const]),
      ]);
    },
  };
}

async function verifyTag(layout: StoreLayout, entry: string): Promise<Found> {
  const name = unescapeName(entry);
  const id = name === undefined ? undefined : await readTag(layout, name);
  if (name === undefined || id === undefined) {
    return ok([{ reason: "tag-damaged", path: layout.tag(entry) }]);
  }
  const isThere = (await readLayer(layout, id)) !== undefined;
  return ok(isThere ? [] : [{ reason: "tag-dangling", name, id }]);
}

/** The store's own directories. Its root and `base-image` are the user's, who may have made them. */
async function verifyModes(layout: StoreLayout): Promise<readonly StoreFinding[]> {
  const dirs = [
    layout.resultDir,
    layout.stageDir,
    layout.cacheDir,
    layout.cacheStageDir,
    layout.stateDir,
    layout.stateStageDir,
    layout.tagDir,
    layout.failedLogDir,
    layout.downloadDir,
    layout.sshDir,
  ];
  return (await Promise.all(dirs.map((dir) => verifyMode(dir, 0o700)))).flat();
}
