/**
 * The store on disk. Every path in it is made here and nowhere else.
 *
 *     ROOT/
 *       base-image/
 *         NAME.qcow2 | NAME.img | NAME.raw    a disk image the user put there
 *         NAME.toml                           its profile
 *         sha256/DIGEST                       the image layers are backed by, qcow2 or raw, named by content
 *       result/
 *         ID/                                 a promoted layer
 *           rootfs/image.qcow2                its disk: an overlay on the parent's, by relative path
 *           log                               what the step printed
 *           layer.json                        what the layer is
 *           machine/                          its suspended machine, which may be missing or go at any time
 *       result-tmp/
 *         ID.OWNER/                           a stage: a layer in the making, with the same contents and
 *           serial.log                        the guest's serial console
 *           base.json                         what the disk is backed by
 *           machine.json                      the QEMU process that writes the disk
 *           kept.json                         the process the stage is kept for after its owner's end
 *           work/                             what a job needs meanwhile
 *         ID.deleted.OWNER/                   a layer on its way out
 *       cache/
 *         c-NAME/VERSION/                     the content of a cache; the highest version counts
 *           disk-0.qcow2 ...                  as a disk: each file an overlay on the one before
 *           content.tar                       or as a tar stream
 *           deleted                           or as none
 *       cache-tmp/
 *         OWNER/                              a lease, with the next version in the making:
 *           disk/ | tar/ | deleted/           by its form
 *       state/
 *         tags/NAME                           the id a tag points at
 *         used/ID                             an empty file, as old as the last use of the layer
 *         holds/OWNER                         the ids of the layers that a running build needs
 *         deleting/OWNER                      while there is one, nobody starts to use a layer, see `gate.ts`
 *         failed/ID                           the log of a step that failed
 *         failed/ID.json                      how it failed, and in which stage
 *         ssh/                                the key pair made for this store
 *         downloads/KEY                       a file from a server, named by its checksum (`sha256-…`)
 *         downloads/KEY.part                  what came of one before its download failed
 *         downloads/KEY.OWNER.part            what comes of one
 *         empty-ext4.qcow2                    the disk that every cache's begins with
 *         tmp/OWNER                           a file about to be renamed to its place
 *         NAME.json                           what is remembered to save work; losing it costs only time
 *
 * OWNER names the process that made the entry, see `owner.ts`. Everything below `result-tmp`, `cache-tmp`,
 * `state/tmp`, `state/holds` and `state/deleting` has an owner and goes when the owner is dead.
 */
import { isAbsolute, join, sep } from "node:path";

/** Extensions a base image the user puts into the store may have. */
export type BaseImageExtension = "qcow2" | "img" | "raw";

/** What a stage and a layer both consist of. */
export interface LayerPaths {
  readonly dir: string;
  readonly diskDir: string;
  readonly diskPath: string;
  readonly logPath: string;
  readonly metadataPath: string;
  /** Where the suspended machine is, if there is one. */
  readonly suspendedDir: string;
}

/** What a stage has besides; none of it becomes part of the layer. */
export interface StagePaths extends LayerPaths {
  readonly serialLogPath: string;
  readonly basePath: string;
  readonly machinePath: string;
  readonly keptPath: string;
  /** For what a job needs meanwhile. */
  readonly workDir: string;
}

/** A version of a cache, published or in the making; only one of the forms is there. */
export interface CacheVersionPaths {
  readonly dir: string;
  readonly tarPath: string;
  readonly deletedPath: string;
  /** The overlay number `index` of the disk; 0 is the empty disk. */
  disk(index: number): string;
}

/** What one lease of a cache has for itself. */
export interface CacheStagePaths {
  readonly dir: string;
  /** What becomes the next version, by its form. */
  readonly disk: CacheVersionPaths;
  readonly tar: CacheVersionPaths;
  readonly deleted: CacheVersionPaths;
  /** For a moment: the content in another form. */
  readonly rawPath: string;
  readonly convertedPath: string;
}

/** Paths of one store. */
export interface StoreLayout {
  /** Absolute. */
  readonly root: string;
  readonly resultDir: string;
  readonly stageDir: string;
  readonly cacheDir: string;
  readonly cacheStageDir: string;
  readonly stateDir: string;
  readonly stateStageDir: string;
  readonly tagDir: string;
  readonly failedLogDir: string;
  /** The log of a step that failed. */
  failedLog(id: string): string;
  readonly usedDir: string;
  readonly holdDir: string;
  readonly deletingDir: string;
  /** Where the store's key pair for guest logins is kept. */
  readonly sshDir: string;
  readonly baseImageDir: string;
  readonly digestDir: string;
  baseImage(name: string, extension: BaseImageExtension): string;
  baseImageProfile(name: string): string;
  /** A base image by the SHA-256 of its content. */
  baseImageByDigest(digest: string): string;
  layer(id: string): LayerPaths;
  stage(id: string, owner: string): StagePaths;
  /** A stage by the name of its directory. */
  stageNamed(entry: string): StagePaths;
  /** Where a layer is moved to before its files are removed. */
  deletedLayer(id: string, owner: string): LayerPaths;
  /** The directory of a cache, by its escaped name. */
  cache(escapedName: string): string;
  cacheVersion(escapedName: string, version: number): CacheVersionPaths;
  cacheStage(owner: string): CacheStagePaths;
  readonly emptyDiskPath: string;
  readonly downloadDir: string;
  /** A downloaded file by its checksum. */
  download(key: string): string;
  /** Its beginning: `owner`'s, or nobody's. */
  downloadPart(key: string, owner?: string): string;
  tag(escapedName: string): string;
  /** The file that is as old as the last use of a layer. */
  lastUse(id: string): string;
  state(name: string): string;
  stateStage(owner: string): string;
}

/** The layout of the store at `root`, which must be absolute. Touches nothing. */
export function storeLayout(root: string): StoreLayout {
  if (!isAbsolute(root)) {
    throw new Error(`Internal error: the store's path must be absolute: ${root}`);
  }
  const baseImageDir = join(root, "base-image");
  const resultDir = join(root, "result");
  const stageDir = join(root, "result-tmp");
  const cacheDir = join(root, "cache");
  const cacheStageDir = join(root, "cache-tmp");
  const stateDir = join(root, "state");
  const stateStageDir = join(stateDir, "tmp");
  const tagDir = join(stateDir, "tags");
  const failedLogDir = join(stateDir, "failed");
  const downloadDir = join(stateDir, "downloads");
  return {
    root,
    resultDir,
    stageDir,
    cacheDir,
    cacheStageDir,
    stateDir,
    stateStageDir,
    tagDir,
    failedLogDir,
    failedLog: (id) => inside(failedLogDir, id),
    usedDir: join(stateDir, "used"),
    holdDir: join(stateDir, "holds"),
    deletingDir: join(stateDir, "deleting"),
    sshDir: join(stateDir, "ssh"),
    baseImageDir,
    digestDir: join(baseImageDir, "sha256"),
    baseImage: (name, extension) => inside(baseImageDir, `${name}.${extension}`),
    baseImageProfile: (name) => inside(baseImageDir, `${name}.toml`),
    baseImageByDigest: (digest) => inside(join(baseImageDir, "sha256"), digest),
    layer: (id) => layerPaths(inside(resultDir, id)),
    stage: (id, owner) => stagePaths(inside(stageDir, `${id}.${owner}`)),
    stageNamed: (entry) => stagePaths(inside(stageDir, entry)),
    deletedLayer: (id, owner) => layerPaths(inside(stageDir, `${id}.deleted.${owner}`)),
    cache: (escapedName) => inside(cacheDir, escapedName),
    cacheVersion: (escapedName, version) =>
      cacheVersionPaths(join(inside(cacheDir, escapedName), String(version).padStart(12, "0"))),
    cacheStage: (owner) => cacheStagePaths(inside(cacheStageDir, owner)),
    emptyDiskPath: join(stateDir, "empty-ext4.qcow2"),
    downloadDir,
    download: (key) => inside(downloadDir, key),
    downloadPart: (key, owner) =>
      inside(downloadDir, owner === undefined ? `${key}.part` : `${key}.${owner}.part`),
    tag: (escapedName) => inside(tagDir, escapedName),
    lastUse: (id) => inside(join(stateDir, "used"), id),
    state: (name) => inside(stateDir, `${name}.json`),
    stateStage: (owner) => inside(stateStageDir, owner),
  };
}

/**
 * The backing path written into an overlay on layer `id`.
 *
 * Relative, so a store can be moved; the same from a stage as from the layer it becomes, because both
 * directories lie equally deep.
 */
export function backingPathOfLayer(id: string): string {
  return `../../../result/${id}/rootfs/image.qcow2`;
}

/** The backing path written into an overlay on the base image `digest`. */
export function backingPathOfImage(digest: string): string {
  return `../../../base-image/sha256/${digest}`;
}

/** The name of the overlay number `index` of a cache's disk, and so the backing path of the next. */
export function diskName(index: number): string {
  return `disk-${index}.qcow2`;
}

/** What the name of an entry in `result-tmp` says, or undefined when this program did not make it. */
export function parseStageEntry(
  entry: string,
): { readonly kind: "stage" | "deleted"; readonly id: string; readonly owner: string } | undefined {
  const match = /^([0-9a-f]{64})(\.deleted)?\.([^.]+)$/.exec(entry);
  const [, id, deleted, owner] = match ?? [];
  if (id === undefined || owner === undefined) {
    return undefined;
  }
  return { kind: deleted === undefined ? "stage" : "deleted", id, owner };
}

function layerPaths(dir: string): LayerPaths {
  const diskDir = join(dir, "rootfs");
  return {
    dir,
    diskDir,
    diskPath: join(diskDir, "image.qcow2"),
    logPath: join(dir, "log"),
    metadataPath: join(dir, "layer.json"),
    suspendedDir: join(dir, "machine"),
  };
}

function stagePaths(dir: string): StagePaths {
  return {
    ...layerPaths(dir),
    serialLogPath: join(dir, "serial.log"),
    basePath: join(dir, "base.json"),
    machinePath: join(dir, "machine.json"),
    keptPath: join(dir, "kept.json"),
    workDir: join(dir, "work"),
  };
}

function cacheVersionPaths(dir: string): CacheVersionPaths {
  return {
    dir,
    tarPath: join(dir, "content.tar"),
    deletedPath: join(dir, "deleted"),
    disk: (index) => join(dir, diskName(index)),
  };
}

function cacheStagePaths(dir: string): CacheStagePaths {
  return {
    dir,
    disk: cacheVersionPaths(join(dir, "disk")),
    tar: cacheVersionPaths(join(dir, "tar")),
    deleted: cacheVersionPaths(join(dir, "deleted")),
    rawPath: join(dir, "disk.raw"),
    convertedPath: join(dir, "converted.tar"),
  };
}

function inside(dir: string, relative: string): string {
  const path = join(dir, relative);
  if (!path.startsWith(dir + sep)) {
    throw new Error(`Internal error: ${JSON.stringify(relative)} leads out of ${dir}`);
  }
  return path;
}
