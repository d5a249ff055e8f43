/**
 * `base-image/sha256/`: files by the SHA-256 of their content, which nobody writes to again.
 */
import { chmod, rename, rm, stat, utimes } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { failed, ok, type Result } from "../result.ts";
import { type Sync, syncPath } from "../store/durable.ts";
import { attempt } from "../store/fs-failure.ts";
import type { StoreLayout } from "../store/layout.ts";
import { newOwner } from "../store/owner.ts";
import { openRegularFile } from "../store/regular-file.ts";
import { sha256File } from "../store/sha256-file.ts";
import { runProgram } from "./run-program.ts";
import type { ImageFailure } from "./failure.ts";

export class DigestStore {
  readonly #layout: StoreLayout;
  readonly #sync: Sync;

  constructor(layout: StoreLayout, sync: Sync = syncPath) {
    this.#layout = layout;
    this.#sync = sync;
  }

  path(digest: string): string {
    return this.#layout.baseImageByDigest(digest);
  }

  async has(digest: string): Promise<boolean> {
    return (await stat(this.path(digest)).catch(() => undefined))?.isFile() === true;
  }

  /** As {@link has}, and notes it, so that a prune leaves the file alone for a while: it is about to be used. */
  async #ask(digest: string): Promise<boolean> {
    if (!(await this.has(digest))) return false;
    const now = new Date();
    await utimes(this.path(digest), now, now).catch(() => {});
    return this.has(digest);
  }

  /** The digest in a path of this directory; undefined for any other path. */
  digestOf(path: string): string | undefined {
    const name = basename(path);
    return dirname(path) === this.#layout.digestDir && /^[0-9a-f]{64}$/.test(name)
      ? name
      : undefined;
  }

  /**
   * Puts a copy of `path` in under its digest and gives that. The original is left alone: a user who
   * writes to it later must not reach what layers are built on.
   *
   * Anything but a regular file is `base-unusable`. `expected` is the digest the content must have; another one is `base-changed`.
   */
  async importCopy(
    path: string,
    signal: AbortSignal,
    expected?: string,
  ): Promise<Result<string, ImageFailure>> {
    if (expected !== undefined && (await this.#ask(expected))) return ok(expected);
    const readable = await openRegularFile(path);
    if (!readable.ok) {
      const { message } = readable.error;
      const hint = "name a file that the user who builds can read";
      return failed({ reason: "base-unusable", path, message, hint });
    }
    await readable.value.close();
    const staged = this.#layout.stateStage(await newOwner());
    try {
      const copied = await runProgram(
        ["cp", "--reflink=auto", "--sparse=always", "--", path, staged],
        { debianPackage: "coreutils", signal },
      );
      if (!copied.ok) return copied;
      if (copied.value.exitCode !== 0) return failed(copyFailure(staged, copied.value.stderr));
      const digest = await this.#adopt(staged, signal, expected);
      return digest.ok || digest.error.reason !== "base-changed"
        ? digest
        : failed({ reason: "base-changed", path });
    } finally {
      await rm(staged, { force: true });
    }
  }

  /** Moves a file of ours in under its digest and gives that. */
  async adopt(path: string, signal: AbortSignal): Promise<Result<string, ImageFailure>> {
    return this.#adopt(path, signal);
  }

  async #adopt(
    path: string,
    signal: AbortSignal,
    expected?: string,
  ): Promise<Result<string, ImageFailure>> {
    const digested = await attempt(path, () => sha256File(path, signal));
    if (signal.aborted) return failed({ reason: "cancelled" });
    if (!digested.ok) return digested;
    const digest = digested.value;
    if (expected !== undefined && digest !== expected) {
      return failed({ reason: "base-changed", path });
    }
    return attempt(this.path(digest), async () => {
      await chmod(path, 0o400);
      await this.#sync(path);
      await rename(path, this.path(digest));
      await this.#sync(this.#layout.digestDir);
      return digest;
    });
  }
}

function copyFailure(path: string, stderr: string): ImageFailure {
  return /No space left on device|Disk quota exceeded/.test(stderr)
    ? { reason: "disk-full", path }
    : {
        reason: "store-unusable",
        path,
        message: stderr.replaceAll(/^cp: /gm, ""),
        hint: "check that the store can be written",
      };
}
