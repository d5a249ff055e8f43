import { formatByteSize } from "../../profile/byte-size.ts";
import { openSettingsAndStore } from "../open-store.ts";
import { orThrow } from "../or-throw.ts";
import { columns, writeOut } from "../output.ts";
import type { Settings } from "../settings.ts";

type Flags = Pick<Settings, "store">;

/** `vmbuild cache ls` */
export async function cacheLs(flags: Flags & { readonly json?: boolean }): Promise<void> {
  const { store } = await openSettingsAndStore(flags);
  const caches = await store.caches();
  await writeOut(
    flags.json === true
      ? `${JSON.stringify(caches, undefined, 2)}\n`
      : columns([
          ["NAME", "SIZE"],
          ...caches.map(({ name, sizeBytes }) => [name, formatByteSize(sizeBytes)]),
        ]),
  );
}

/** `vmbuild cache rm` */
export async function cacheRm(names: readonly string[], flags: Flags): Promise<void> {
  const { store } = await openSettingsAndStore(flags);
  for (const name of names) orThrow(await store.deleteCache(name));
}
