import { openStore } from "../store/open-store.ts";
import { storeLayout, type StoreLayout } from "../store/layout.ts";
import type { Store } from "../store/store.ts";
import { settingsOfConfigFile } from "./config-file.ts";
import { storeRoot } from "./default-store.ts";
import { orThrow } from "./or-throw.ts";
import { mergeSettings, type Settings, settingsOfEnvironment, settingTable } from "./settings.ts";

/** A command's settings and the store they name. */
export interface OpenedStore {
  readonly settings: Settings;
  readonly store: Store;
  readonly layout: StoreLayout;
}

/**
 * Opens the store that flags, environment and `vmbuild.toml` name.
 *
 * @throws UserError
 */
export async function openSettingsAndStore(flags: Settings): Promise<OpenedStore> {
  const settings = await readSettings(flags);
  const store = orThrow(await openStore(storeRoot(settings, process.env)));
  return { settings, store, layout: storeLayout(store.root) };
}

/**
 * The path of the store that flags, environment and `vmbuild.toml` name. It is not opened: nothing is made or cleared
 * away.
 *
 * @throws UserError
 */
export async function unopenedStore(flags: Settings): Promise<string> {
  return storeRoot(await readSettings(flags), process.env);
}

async function readSettings(flags: Settings): Promise<Settings> {
  return mergeSettings(
    known(flags),
    settingsOfEnvironment(process.env),
    await settingsOfConfigFile(process.cwd(), process.env),
  );
}

/** What of a command's flags is a setting. */
function known(flags: Settings): Settings {
  return Object.fromEntries(
    Object.entries(flags).filter(([name, value]) => name in settingTable && value !== undefined),
  );
}
