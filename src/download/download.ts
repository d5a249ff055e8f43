/**
 * Files from servers, kept in the store by what they are: the checksum is the name, so a file of another URL serves
 * as well, and one of the same URL with another content does not.
 */
import { chmod, constants, link, open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { failed, ok, type Result } from "../result.ts";
import { parseDownloadEntry } from "../store/downloads.ts";
import { syncPath } from "../store/durable.ts";
import { attempt, errorCode } from "../store/fs-failure.ts";
import type { StoreLayout } from "../store/layout.ts";
import { newOwner, parseOwner } from "../store/owner.ts";
import { mayLive } from "../store/stage-record.ts";
import { type Checksum, digestOf } from "./checksum.ts";
import type { DownloadFailure } from "./failure.ts";
import { compare } from "./hash-file.ts";
import type { WebSource } from "./source.ts";
import { transfer, type TransferProgress } from "./transfer.ts";

export interface DownloadRequest {
  readonly layout: StoreLayout;
  readonly source: WebSource;
  /** Without one nothing is kept for the next time. */
  readonly checksum?: Checksum;
  /** Milliseconds after which a server that sends nothing has stalled. @default a minute */
  readonly idleMs?: number;
  /** Milliseconds between two tries. @default a second */
  readonly retryDelayMs?: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: TransferProgress) => void;
}

/** A file that is there until this is disposed of, whatever becomes of the store's own. */
export interface Downloaded extends AsyncDisposable {
  readonly path: string;
  /** It was in the store already. */
  readonly wasKept: boolean;
}

/**
 * Gets a file that has the checksum: out of the store or from the server. What came of a download that fails or is
 * cancelled is kept, and taken up by the next one; of a wrong content nothing is. Any number of processes may want
 * the same: each gets it by itself then, and the first that has it keeps it.
 */
export async function download(
  request: DownloadRequest,
): Promise<Result<Downloaded, DownloadFailure>> {
  const { layout, checksum, signal } = request;
  if (signal.aborted) return failed({ reason: "cancelled" });
  const path = layout.stateStage(await newOwner());
  const downloaded = (wasKept: boolean): Downloaded => ({
    path,
    wasKept,
    async [Symbol.asyncDispose]() {
      await rm(path, { force: true });
    },
  });
  const got = await attempt(
    layout.downloadDir,
    async (): Promise<Result<Downloaded, DownloadFailure>> => {
      if (checksum === undefined) {
        const filled = await fillUnchecked(path, request);
        return filled.ok ? ok(downloaded(false)) : filled;
      }
      const kept = layout.download(keyOf(checksum));
      if (await linkIfPresent(kept, path)) {
        const now = new Date();
        await utimes(path, now, now);
        return ok(downloaded(true));
      }
      const filled = await new CheckedDownload(request, checksum, path).run();
      return filled.ok ? ok(downloaded(false)) : filled;
    },
  );
  if (!got.ok || !got.value.ok) await rm(path, { force: true });
  return got.ok ? got.value : got;
}

/** Where a file with the checksum is, once it was downloaded and until it is pruned. */
export function keptPath(layout: StoreLayout, checksum: Checksum): string {
  return layout.download(keyOf(checksum));
}

/** The name of a file with the checksum. */
function keyOf({ algorithm, value }: Checksum): string {
  return `${algorithm}-${value}`;
}

async function fillUnchecked(
  path: string,
  request: DownloadRequest,
): Promise<Result<void, DownloadFailure>> {
  await using file = await open(path, "wx+", 0o600);
  // The digest is of no use; what it costs is little beside the network.
  const newHash = () => digestOf({ algorithm: "sha256", value: "" });
  const filled = await transfer({ ...common(request), file, newHash, isChecked: false });
  return filled.ok ? ok() : filled;
}

/** One process' own download of a file with a checksum. */
class CheckedDownload {
  readonly #request: DownloadRequest;
  readonly #checksum: Checksum;
  readonly #target: string;

  constructor(request: DownloadRequest, checksum: Checksum, target: string) {
    this.#request = request;
    this.#checksum = checksum;
    this.#target = target;
  }

  /** Gives the target its content, and the store's own file, which is the same one. */
  async run(): Promise<Result<void, DownloadFailure>> {
    const { layout } = this.#request;
    const key = keyOf(this.#checksum);
    const part = layout.downloadPart(key, await newOwner());
    const wasBegun = await takePart(layout, key, part);
    let filled = await this.#fill(part);
    if (!filled.ok && filled.error.reason === "checksum-mismatch" && wasBegun) {
      // The beginning may have been of another content.
      filled = await this.#fill(part);
    }
    if (!filled.ok) return failed(await this.#keep(part, filled.error));
    // Named by its content, it is trusted from now on, so it has to be on the disk as a whole.
    await syncPath(part);
    await link(part, this.#target);
    await rename(part, layout.download(key));
    // Last, so that a part can always be taken over; by this name, since the other may have been pruned.
    await chmod(this.#target, 0o400);
    return ok();
  }

  /** Leaves nothing of what does not have the checksum. */
  async #fill(part: string): Promise<Result<void, DownloadFailure>> {
    const { source } = this.#request;
    await using file = await open(part, constants.O_RDWR | constants.O_CREAT, 0o600);
    const newHash = () => digestOf(this.#checksum);
    const filled = await transfer({ ...common(this.#request), file, newHash, isChecked: true });
    if (!filled.ok) return filled;
    const compared = compare(source.url, this.#checksum, filled.value);
    if (!compared.ok) await file.truncate(0);
    return compared;
  }

  /** What came goes to whoever tries next; not where there is no room for it. */
  async #keep(part: string, failure: DownloadFailure): Promise<DownloadFailure> {
    const keptBytes = failure.reason === "disk-full" ? 0 : (await stat(part)).size;
    if (keptBytes === 0) await rm(part, { force: true });
    else await rename(part, this.#request.layout.downloadPart(keyOf(this.#checksum)));
    return "keptBytes" in failure ? { ...failure, keptBytes } : failure;
  }
}

function common({
  layout,
  source,
  idleMs = 60_000,
  retryDelayMs = 1000,
  signal,
  onProgress,
}: DownloadRequest) {
  return {
    source,
    path: layout.downloadDir,
    idleMs,
    retryDelayMs,
    signal,
    ...(onProgress === undefined ? {} : { onProgress }),
  };
}

/** Takes over what came of an earlier download that nobody is at work on; false when there is nothing. */
async function takePart(layout: StoreLayout, key: string, part: string): Promise<boolean> {
  const entries = await readdir(layout.downloadDir);
  const parts = entries.filter((entry) => {
    const parsed = parseDownloadEntry(entry);
    return parsed?.isPart === true && parsed.key === key;
  });
  for (const entry of parts) {
    const path = join(layout.downloadDir, entry);
    const owner = parseOwner(parseDownloadEntry(entry)?.owner ?? "");
    if (owner !== undefined && (await mayLive(owner, path))) continue;
    if (await renameIfPresent(path, part)) return true;
  }
  return false;
}

async function linkIfPresent(from: string, to: string): Promise<boolean> {
  return unlessMissing(() => link(from, to));
}

async function renameIfPresent(from: string, to: string): Promise<boolean> {
  return unlessMissing(() => rename(from, to));
}

async function unlessMissing(action: () => Promise<void>): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false;
    throw error;
  }
}
