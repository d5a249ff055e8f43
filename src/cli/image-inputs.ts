/** What images are made of, each got once however many are made of it. */
import { resolve } from "node:path";
import type { ImageInput } from "../architecture/architecture.ts";
import { download, type Downloaded } from "../download/download.ts";
import type { DownloadFailure } from "../download/failure.ts";
import { checkFile } from "../download/hash-file.ts";
import { ok, type Result } from "../result.ts";
import type { StoreLayout } from "../store/layout.ts";
import type { ImageFormat } from "../store/qemu-img-argv.ts";
import type { StatusLine } from "./render/status-line.ts";
import { transferText } from "./render/transfer-text.ts";

/** A file that is there, and what remains to be looked at in it. */
export interface ReadyInput {
  /** Absolute. */
  readonly path: string;
  readonly name: string;
  readonly format?: ImageFormat;
  readonly verify?: (signal: AbortSignal) => Promise<Result<void, DownloadFailure>>;
}

export class ImageInputs implements AsyncDisposable {
  readonly #how: {
    readonly layout: StoreLayout;
    readonly idleMs?: number;
    readonly signal: AbortSignal;
  };
  /** By what was asked for. */
  readonly #downloads = new Map<string, Promise<Result<Downloaded, DownloadFailure>>>();

  constructor(how: {
    readonly layout: StoreLayout;
    readonly idleMs?: number;
    readonly signal: AbortSignal;
  }) {
    this.#how = how;
  }

  /** The file of an input, which stays until this is disposed of. */
  async get(
    input: ImageInput,
    shown: { readonly status: StatusLine; readonly key: number },
  ): Promise<Result<ReadyInput, DownloadFailure>> {
    const { source, checksum, format, text } = input;
    const declared = format === undefined ? {} : { format };
    if (source.kind === "file") {
      const path = resolve(source.path);
      const verify = checksum && ((signal: AbortSignal) => checkFile(path, checksum, signal));
      return ok({ path, name: text, ...declared, ...(verify && { verify }) });
    }
    const wanted = JSON.stringify(checksum ?? source);
    const running = this.#downloads.get(wanted) ?? this.#begin(input, shown);
    this.#downloads.set(wanted, running);
    const downloaded = await running;
    if (!downloaded.ok) return downloaded;
    return ok({ path: downloaded.value.path, name: source.url, ...declared });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const running of this.#downloads.values()) {
      const downloaded = await running;
      if (downloaded.ok) await downloaded.value[Symbol.asyncDispose]();
    }
  }

  async #begin(
    { source, checksum }: ImageInput,
    { status, key }: { readonly status: StatusLine; readonly key: number },
  ): Promise<Result<Downloaded, DownloadFailure>> {
    if (source.kind !== "web") throw new Error("Internal error: a download of a file of this host");
    const { url } = source;
    let shown = "";
    const show = (text: string): void => {
      if (text !== shown) status.set(key, text);
      shown = text;
    };
    show(transferText(url));
    const downloaded = await download({
      ...this.#how,
      source,
      ...(checksum === undefined ? {} : { checksum }),
      onProgress: (progress) => show(transferText(url, progress)),
    });
    status.clear(key);
    if (downloaded.ok) {
      const { wasKept } = downloaded.value;
      await status.print(wasKept ? `${url} is in the store already\n` : `downloaded ${url}\n`);
    }
    return downloaded;
  }
}
