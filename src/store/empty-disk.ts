import { access, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { failed, ok, type Result } from "../result.ts";
import type { StoreContext } from "./durable.ts";
import type { StoreFailure } from "./failure.ts";
import { attempt } from "./fs-failure.ts";
import { newOwner } from "./owner.ts";
import { convertImage } from "./qemu-img.ts";

/** Bytes of a cache's disk; what is not written takes no room. */
export const cacheDiskBytes = 32 * 2 ** 30;

/**
 * Features that every ext4 of Linux 3.7 and later has, so that any guest can mount the disk. There is no journal:
 * a disk that was not unmounted is never published.
 */
const features = [
  "none",
  "dir_index",
  "dir_nlink",
  "ext_attr",
  "extent",
  "extra_isize",
  "filetype",
  "flex_bg",
  "huge_file",
  "large_file",
  "sparse_super",
  "uninit_bg",
].join(",");

/**
 * Options of mke2fs(8). The inode tables are zeros already, and are marked so: otherwise a guest that mounts the disk
 * would write them in the background.
 */
export const ext4Options: readonly string[] = [
  "-q -F -t ext4 -b 4096 -I 256 -i 16384 -m 0 -U clear -E lazy_itable_init=0,root_owner=0:0",
  `-O ${features}`,
].flatMap((words) => words.split(" "));

/** The store's empty ext4 as a qcow2 file, made when it is not there. Gives its path. */
export async function emptyDisk(
  context: StoreContext,
  signal: AbortSignal,
): Promise<Result<string, StoreFailure>> {
  const { layout, sync } = context;
  const path = layout.emptyDiskPath;
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (isThere) {
    return ok(path);
  }
  const rawPath = `${layout.stateStage(await newOwner())}.raw`;
  const stage = layout.stateStage(await newOwner());
  try {
    const made = await makeExt4(rawPath, signal);
    if (!made.ok) {
      return made;
    }
    const converted = await convertImage(
      { sourcePath: rawPath, sourceFormat: "raw", path: stage, format: "qcow2" },
      { signal },
    );
    if (!converted.ok) {
      return converted;
    }
    return await attempt(path, async () => {
      await sync(stage);
      await rename(stage, path);
      await sync(dirname(path));
      return path;
    });
  } finally {
    await rm(rawPath, { force: true });
    await rm(stage, { force: true });
  }
}

async function makeExt4(path: string, signal: AbortSignal): Promise<Result<void, StoreFailure>> {
  const argv = [...ext4Options, path, `${cacheDiskBytes / 1024}k`];
  // Loaded here because a build whose layers all exist should not wait for it.
  const { execa } = await import("execa");
  const { exitCode, code, stderr } = await execa("mke2fs", argv, {
    reject: false,
    stdin: "ignore",
    // Not on the path of everybody; and the host's own defaults are not asked for.
    env: {
      LC_ALL: "C",
      PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`,
      MKE2FS_CONFIG: "/dev/null",
    },
    cancelSignal: signal,
  });
  if (signal.aborted) {
    return failed({ reason: "cancelled" });
  }
  if (exitCode === 0) {
    return ok();
  }
  if (exitCode === undefined && code === "ENOENT") {
    return failed({ reason: "program-missing", program: "mke2fs", debianPackage: "e2fsprogs" });
  }
  return /No space left|too large|File too large/i.test(stderr)
    ? failed({ reason: "disk-full", path })
    : failed({ reason: "disk-corrupt", path, message: `mke2fs: ${stderr.trim()}` });
}
