import { formatByteSize } from "../../profile/byte-size.ts";
import { exitCode } from "../exit-code.ts";
import { openSettingsAndStore } from "../open-store.ts";
import { orThrow } from "../or-throw.ts";
import { columns, writeOut } from "../output.ts";
import type { Settings } from "../settings.ts";
import { UserError } from "../user-error.ts";

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

/** `vmbuild cache rm`: removes those that are there, and then says which are not. */
export async function cacheRm(names: readonly string[], flags: Flags): Promise<void> {
  const { store } = await openSettingsAndStore(flags);
  const absent: string[] = [];
  for (const name of names) {
    if (orThrow(await store.deleteCache(name)) === "absent") absent.push(name);
  }
  if (absent.length === 0) return;
  throw new UserError(`there is no cache ${absent.join(", and none called ")}`, {
    exitCode: exitCode.badInput,
    hint: "`vmbuild cache ls` lists them",
  });
}
