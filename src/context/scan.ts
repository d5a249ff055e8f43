import { join } from "node:path";
import type { Manifest, ManifestEntry } from "../plan/manifest.ts";
import { failed, ok, type Result } from "../result.ts";
import type { ContextFailure } from "./failure.ts";
import { findSource, type FoundSource } from "./find-source.ts";
import { ignoreFileName, type IgnoreRules, readIgnoreFile } from "./ignore-file.ts";
import { inManifestOrder, manifestDigest } from "./manifest-digest.ts";
import { type FileFacts, readFileFacts } from "./regular-file.ts";
import { type UnreadFile, type WalkedEntry, walkSource } from "./walk.ts";

/** Files read at a time: enough to keep Node's four I/O threads busy. */
const CONCURRENT_READS = 8;

/** Makes manifests of sources below one build context. */
export interface ContextScanner {
  /**
   * The manifest of `path` (as the spec spells it) without what `exclude` names, at every depth below
   * the source, and without what the context's ignore file leaves out. Of several faults the same one is reported each time.
   *
   * May be called while other scans run: they take turns, and the same question is answered once.
   */
  scan(path: string, exclude: readonly string[]): Promise<Result<Manifest, ContextFailure>>;
}

/** What to scan. */
export interface ScanRequest {
  /** Directory on the host. */
  readonly contextDir: string;
  readonly path: string;
  readonly exclude: readonly string[];
  readonly signal: AbortSignal;
}

/** One manifest; {@link contextScanner} is the cheaper way to several. */
export function scanSource(request: ScanRequest): Promise<Result<Manifest, ContextFailure>> {
  const { contextDir, path, exclude, signal } = request;
  return contextScanner(contextDir, signal).scan(path, exclude);
}

/**
 * A scanner for one run: it reads every file at most once, however many sources contain it, so files
 * must not change for as long as it is used. Aborting `signal` ends its scans as `cancelled`.
 */
export function contextScanner(contextDir: string, signal: AbortSignal): ContextScanner {
  return new Scanner(contextDir, signal);
}

class Scanner implements ContextScanner {
  readonly #contextDir: string;
  readonly #signal: AbortSignal;
  /** By path in the context. */
  readonly #files = new Map<string, Promise<Result<FileFacts, ContextFailure>>>();
  /** By source and excluded names. */
  readonly #scans = new Map<string, Promise<Result<Manifest, ContextFailure>>>();
  #ignores: Promise<Result<IgnoreRules, ContextFailure>> | undefined;
  /** Settles when the scans asked for so far have; never rejects. */
  #earlier: Promise<unknown> = Promise.resolve();

  constructor(contextDir: string, signal: AbortSignal) {
    this.#contextDir = contextDir;
    this.#signal = signal;
  }

  scan(path: string, exclude: readonly string[]): Promise<Result<Manifest, ContextFailure>> {
    const key = JSON.stringify([path, [...new Set(exclude)].sort()]);
    const known = this.#scans.get(key);
    if (known !== undefined) return known;
    const scan = this.#earlier.then(() => this.#scan(path, new Set(exclude)));
    this.#scans.set(key, scan);
    this.#earlier = scan.catch(() => {});
    return scan;
  }

  async #scan(
    path: string,
    exclude: ReadonlySet<string>,
  ): Promise<Result<Manifest, ContextFailure>> {
    if (this.#signal.aborted) return failed({ reason: "cancelled" });
    const found = await findSource(this.#contextDir, path);
    if (!found.ok) return found;
    this.#ignores ??= readIgnoreFile(this.#contextDir);
    const ignores = await this.#ignores;
    if (!ignores.ok) return ignores;
    const { source, type } = found.value;
    if (source !== "" && ignores.value(source, type === "directory")) {
      return failed({ reason: "source-ignored", path: source, ignoreFile: ignoreFileName });
    }
    const leftOut = { exclude, ignores: ignores.value };
    const walked = await walkSource(found.value, leftOut, this.#signal);
    if (!walked.ok) return walked;
    const read = await this.#readFiles(found.value, inManifestOrder(walked.value));
    if (!read.ok) return read;
    const entries = read.value;
    return ok({ source: found.value.source, entries, digest: manifestDigest(entries) });
  }

  /** Reads in order and stops at the first failure, so the first file that fails is the one reported. */
  async #readFiles(
    root: FoundSource,
    walked: readonly WalkedEntry[],
  ): Promise<Result<readonly ManifestEntry[], ContextFailure>> {
    const results: Result<ManifestEntry, ContextFailure>[] = [];
    const queue = walked.entries();
    let stopped = false;
    const reader = async (): Promise<void> => {
      for (const [index, entry] of queue) {
        if (stopped) return;
        const result = entry.kind === "file" ? await this.#readFile(root, entry) : ok(entry);
        results[index] = result;
        if (!result.ok) stopped = true;
      }
    };
    await Promise.all(Array.from({ length: CONCURRENT_READS }, reader));
    const entries: ManifestEntry[] = [];
    for (const result of results) {
      if (!result.ok) return result;
      entries.push(result.value);
    }
    return ok(entries);
  }

  async #readFile(
    root: FoundSource,
    entry: UnreadFile,
  ): Promise<Result<ManifestEntry, ContextFailure>> {
    if (this.#signal.aborted) return failed({ reason: "cancelled" });
    const path = [root.source, entry.path].filter((part) => part !== "").join("/");
    let reading = this.#files.get(path);
    if (reading === undefined) {
      reading = readFileFacts(join(this.#contextDir, path), path, this.#signal);
      this.#files.set(path, reading);
    }
    const facts = await reading;
    return facts.ok ? ok({ ...entry, ...facts.value }) : facts;
  }
}
