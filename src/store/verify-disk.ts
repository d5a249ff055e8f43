import { failed, ok } from "../result.ts";
import type { StoreFailure } from "./failure.ts";
import { checkImage, imageInfo } from "./qemu-img.ts";
import type { Found } from "./verify-files.ts";

/**
 * Whether the qcow2 disk at `path` passes `qemu-img check` and is backed by `expected`, as the disk spells it; absent
 * for nothing. The disks below have to be looked at by themselves.
 */
export async function verifyDisk(path: string, expected?: string): Promise<Found> {
  const info = await imageInfo(path, "qcow2");
  if (!info.ok) return unlessDamaged(path, info.error);
  const { backingPath } = info.value;
  if (backingPath !== expected) {
    const found = backingPath === undefined ? {} : { backingPath };
    return ok([{ reason: "backing-wrong", path, ...found, expected: expected ?? "nothing" }]);
  }
  const health = await checkImage(path);
  if (!health.ok) return unlessDamaged(path, health.error);
  switch (health.value.kind) {
    case "clean":
      return ok([]);
    case "leaks":
      return ok([{ reason: "disk-damaged", path, message: "it has leaked clusters" }]);
    case "corrupt":
      return ok([{ reason: "disk-damaged", path, message: health.value.message }]);
  }
}

function unlessDamaged(path: string, failure: StoreFailure): Found {
  if (failure.reason !== "qemu-img-failed") return failed(failure);
  // What is wrong with a disk below is found there.
  const isBelow = failure.stderr.includes("Could not open backing file");
  return ok(isBelow ? [] : [{ reason: "disk-damaged", path, message: failure.stderr }]);
}
