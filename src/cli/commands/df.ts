import { readdir, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { formatByteSize } from "../../profile/byte-size.ts";
import { openSettingsAndStore } from "../open-store.ts";
import { columns, writeOut } from "../output.ts";
import type { Settings } from "../settings.ts";

type Flags = Pick<Settings, "store">;

/** `vmbuild df`: what takes how much room in the store, in bytes on the disk. */
export async function df(flags: Flags & { readonly json?: boolean }): Promise<void> {
  const { store, layout } = await openSettingsAndStore(flags);
  const layers = await store.layers();
  const sizes = await Promise.all(
    layers.map(async ({ diskPath, logPath }) => (await onDisk(diskPath)) + (await onDisk(logPath))),
  );
  const caches = await store.caches();
  const { bavail, bsize } = await statfs(layout.root);
  const usage = {
    layers: sum(sizes),
    suspendedMachines: await store.suspendedBytes(),
    caches: await store.cacheBytes(),
    baseImages: (await filesIn(layout.baseImageDir)) + (await filesIn(layout.digestDir)),
    free: bavail * bsize,
  };
  if (flags.json === true) {
    await writeOut(`${JSON.stringify(usage, undefined, 2)}\n`);
    return;
  }
  const row = (what: string, bytes: number, note: string) => [what, formatByteSize(bytes), note];
  await writeOut(
    columns([
      ["WHAT", "SIZE", ""],
      row("layers", usage.layers, `${layers.length}; vmbuild delete`),
      row("suspended machines", usage.suspendedMachines, "may go at any time; --warm-budget"),
      row("caches", usage.caches, `${caches.length}; vmbuild cache rm`),
      row("base images", usage.baseImages, "vmbuild base rm"),
      row("free", usage.free, layout.root),
    ]),
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** What is gone meanwhile takes nothing. */
async function onDisk(path: string): Promise<number> {
  const status = await stat(path).catch(() => undefined);
  return status?.isFile() === true ? status.blocks * 512 : 0;
}

async function filesIn(dir: string): Promise<number> {
  const names = await readdir(dir).catch(() => []);
  return sum(await Promise.all(names.map((name) => onDisk(join(dir, name)))));
}
