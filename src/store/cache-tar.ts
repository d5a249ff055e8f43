/**
 * A cache's disk as a tar stream, for guests that cannot mount it. The host mounts nothing, and what the guest
 * named never becomes a name on the host.
 */
import { type FileHandle, open, rm } from "node:fs/promises";
import { type TarHeader, tarEnd, tarHeader, tarPadding } from "../context/tar-header.ts";
import { failed, ok, type Result } from "../result.ts";
import { cacheDiskBytes } from "./empty-disk.ts";
import { DamagedImage, Ext4Image, type Inode, type InodeType, rootInode } from "./ext4-image.ts";
import type { StoreFailure } from "./failure.ts";
import { attempt } from "./fs-failure.ts";
import type { CacheStagePaths } from "./layout.ts";
import { convertImage } from "./qemu-img.ts";
import type { CacheTar } from "./store.ts";

/** The directory of the file system that is a cache's content. */
const contentName = "content";

/** Holes in a file take no room on a disk, but in a stream; a longer one is damage, or meant as such. */
const longestTarBytes = cacheDiskBytes;
const pieceBytes = 2 ** 20;

type WrittenTar = CacheTar & { readonly handle: FileHandle };

/** Writes the content of the qcow2 disk at `diskPath` to the stage's `convertedPath`; see {@link tarOfImage}. */
export async function tarOfDisk(
  diskPath: string,
  { rawPath, convertedPath }: CacheStagePaths,
  signal: AbortSignal,
): Promise<Result<WrittenTar, StoreFailure>> {
  const converted = await convertImage(
    { sourcePath: diskPath, sourceFormat: "qcow2", path: rawPath, format: "raw" },
    { signal },
  );
  const written = converted.ok ? await tarOfImage(rawPath, convertedPath, signal) : converted;
  await rm(rawPath, { force: true });
  return written;
}

/**
 * Writes the content of the ext4 in a raw image to a new file. Socket files are left out, as tar does, and extended
 * attributes, as the streams of guests do. On failure there is no file.
 */
export async function tarOfImage(
  imagePath: string,
  tarPath: string,
  signal: AbortSignal,
): Promise<Result<WrittenTar, StoreFailure>> {
  const written = await attempt(tarPath, async () => {
    await using image = await open(imagePath, "r");
    const handle = await open(tarPath, "wx+", 0o600);
    try {
      const writer = new TarOfImage(await Ext4Image.open(image), image, handle, signal);
      return { fd: handle.fd, handle, path: tarPath, sizeBytes: await writer.write() };
    } catch (error) {
      await handle.close();
      await rm(tarPath);
      if (error instanceof DamagedImage) return error;
      throw error;
    }
  });
  if (!written.ok) return written;
  if (!(written.value instanceof DamagedImage)) return ok(written.value);
  if (signal.aborted) return failed({ reason: "cancelled" });
  return failed({ reason: "disk-corrupt", path: imagePath, message: written.value.message });
}

/** Types that a tar stream has. */
const tarTypes: Readonly<Record<Exclude<InodeType, "socket">, TarHeader["type"]>> = {
  file: "file",
  directory: "directory",
  symlink: "symlink",
  "character-device": "character-device",
  "block-device": "block-device",
  fifo: "fifo",
};

class TarOfImage {
  readonly #image: Ext4Image;
  readonly #raw: FileHandle;
  readonly #tar: FileHandle;
  readonly #signal: AbortSignal;
  /** First name of each inode that has several, or of a directory, which may have but one. */
  readonly #names = new Map<number, Buffer>();
  #position = 0;

  constructor(image: Ext4Image, raw: FileHandle, tar: FileHandle, signal: AbortSignal) {
    this.#image = image;
    this.#raw = raw;
    this.#tar = tar;
    this.#signal = signal;
  }

  /** Gives the stream's size. */
  async write(): Promise<number> {
    const root = await this.#image.inode(rootInode);
    for await (const { name, inode } of this.#image.entries(root)) {
      if (!name.equals(Buffer.from(contentName))) continue;
      const content = await this.#image.inode(inode);
      if (content.type === "directory") await this.#directories(content);
      await this.#append(tarEnd());
      return this.#position;
    }
    throw new DamagedImage(`it has no directory ${contentName}`);
  }

  /** Everything below `top`, directories before what is in them; no recursion, however deep it goes. */
  async #directories(top: Inode): Promise<void> {
    const waiting: { readonly name: Buffer; readonly inode: Inode }[] = [];
    const enter = async (name: Buffer, inode: Inode): Promise<void> => {
      if (this.#names.has(inode.number)) throw new DamagedImage("a directory is in two places");
      this.#names.set(inode.number, name);
      await this.#header(inode, { name: Buffer.concat([name, Buffer.from("/")]) });
      waiting.push({ name, inode });
    };
    await enter(Buffer.from("."), top);
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      for await (const entry of this.#image.entries(next.inode)) {
        if (this.#signal.aborted) throw new DamagedImage("it was not read to its end");
        const name = Buffer.concat([next.name, Buffer.from("/"), entry.name]);
        const inode = await this.#image.inode(entry.inode);
        if (inode.type === "directory") await enter(name, inode);
        else await this.#entry(name, inode);
      }
    }
  }

  async #entry(name: Buffer, inode: Inode): Promise<void> {
    const first = this.#names.get(inode.number);
    if (first !== undefined)
      return this.#header(inode, { name, type: "hard-link", linkTarget: first });
    if (inode.links > 1) this.#names.set(inode.number, name);
    if (inode.type === "symlink") {
      return this.#header(inode, { name, linkTarget: await this.#image.linkTarget(inode) });
    }
    await this.#header(inode, { name });
    if (inode.type === "file") await this.#content(inode);
  }

  async #header(
    inode: Inode,
    more: { readonly name: Buffer } & Partial<Pick<TarHeader, "type" | "linkTarget">>,
  ): Promise<void> {
    if (inode.type === "socket") return;
    const { mode, uid, gid, mtime, major, minor } = inode;
    const type = tarTypes[inode.type];
    const sizeBytes = inode.type === "file" && more.type === undefined ? inode.sizeBytes : 0;
    await this.#append(
      tarHeader({ type, mode, uid, gid, mtime, sizeBytes, device: { major, minor }, ...more }),
    );
  }

  /** What is a hole in the file becomes one in the stream's file. */
  async #content(inode: Inode): Promise<void> {
    const start = this.#position;
    const end = start + inode.sizeBytes + tarPadding(inode.sizeBytes).length;
    if (end > longestTarBytes) throw new DamagedImage("its files are too large");
    for await (const run of this.#image.runs(inode)) {
      for (let done = 0; done < run.bytes;) {
        if (this.#signal.aborted) throw new DamagedImage("it was not read to its end");
        const piece = Buffer.allocUnsafe(Math.min(pieceBytes, run.bytes - done));
        const { bytesRead } = await this.#raw.read(piece, 0, piece.length, run.imageOffset + done);
        if (bytesRead === 0) throw new DamagedImage("it ends too early");
        await this.#tar.write(piece, 0, bytesRead, start + run.offset + done);
        done += bytesRead;
      }
    }
    this.#position = end;
  }

  async #append(bytes: Buffer): Promise<void> {
    if (this.#position + bytes.length > longestTarBytes)
      throw new DamagedImage("it holds too much");
    await this.#tar.write(bytes, 0, bytes.length, this.#position);
    this.#position += bytes.length;
  }
}
