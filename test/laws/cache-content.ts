/** Content of caches as tests write and read it: some text, as a tar stream or somewhere on a disk. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import type { CacheForm, CacheLease, Store } from "../../src/store/store.ts";
import { expectOk } from "./store-fixture.ts";

const run = promisify(execFile);
const { signal } = new AbortController();

/** Where on the disk, in blocks of as many bytes as the text may have. */
const blockBytes = 2 ** 20;
const block = 12_000;

/** Writes a lease's new content, without publishing it. */
export async function write(lease: CacheLease, form: CacheForm, text: string): Promise<void> {
  if (form === "tar") return writeFile(lease.newContentPath, text);
  const { path } = expectOk(await lease.openDisk(signal));
  const source = `${path}.text`;
  await writeFile(
    source,
    Buffer.concat([Buffer.from(text), Buffer.alloc(blockBytes)]).subarray(0, blockBytes),
  );
  const command = `write -s ${source} ${block * blockBytes} ${blockBytes}`;
  await run("qemu-io", ["-f", "qcow2", "-c", command, path]);
  await rm(source);
}

/** What a lease was given, undefined when the cache was new. */
export async function read(lease: CacheLease): Promise<string | undefined> {
  switch (lease.content) {
    case undefined:
      return undefined;
    case "tar": {
      const { fd, sizeBytes } = expectOk(await lease.openTar(signal));
      const text = readFileSync(fd, "utf8");
      if (Buffer.byteLength(text) !== sizeBytes) throw new Error(`not ${sizeBytes} bytes: ${text}`);
      return text;
    }
    case "disk": {
      const { path } = expectOk(await lease.openDisk(signal));
      const target = `${path}.text`;
      const piece = [`bs=${blockBytes}`, `skip=${block}`, `count=${block + 1}`];
      const files = [`if=${path}`, `of=${target}`];
      await run("qemu-img", ["dd", "-f", "qcow2", "-O", "raw", ...piece, ...files]);
      const text = (await readFile(target)).toString("utf8").replace(/\0+$/, "");
      await rm(target);
      return text;
    }
  }
}

/** Publishes `text` from a lease of its own. */
export async function publish(
  store: Store,
  name: string,
  form: CacheForm,
  text: string,
): Promise<"published" | "stale"> {
  await using lease = expectOk(await store.cache(name));
  await write(lease, form, text);
  return expectOk(await lease.publish(form));
}

/** What a lease taken now is given. */
export async function contentOf(store: Store, name: string): Promise<string | undefined> {
  await using lease = expectOk(await store.cache(name));
  return await read(lease);
}
