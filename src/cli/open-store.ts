import { openStore } from "../store/open-store.ts";
import { storeLayout, type StoreLayout } from "../store/layout.ts";
import type { Leftover } from "../store/recover.ts";
import type { Store } from "../store/store.ts";
import { readConfigFile } from "./config-file.ts";
import { storeRoot } from "./default-store.ts";
import { orThrow } from "./or-throw.ts";
import type { ConfiguredImages } from "./render/input-message.ts";
import { mergeSettings, type Settings, settingsOfEnvironment, settingTable } from "./settings.ts";

/** A command's settings and the store they name. */
export interface OpenedStore {
  readonly settings: Settings;
  readonly store: Store;
  readonly layout: StoreLayout;
  /** What names in `from` stand for. */
  readonly images: ConfiguredImages;
}

/**
 * Opens the store that flags, environment and `vmbuild.toml` name. `onLeftover` gets what is cleared away.
 *
 * @throws UserError
 */
export async function openSettingsAndStore(
  flags: Settings,
  onLeftover: (leftover: Leftover) => void = () => {},
): Promise<OpenedStore> {
  const { settings, images } = await readSettings(flags);
  const store = orThrow(await openStore(storeRoot(settings, process.env), { onLeftover }));
  return { settings, store, layout: storeLayout(store.root), images };
}

/**
 * The path of the store that flags, environment and `vmbuild.toml` name. It is not opened: nothing is made or cleared
 * away.
 *
 * @throws UserError
 */
export async function unopenedStore(flags: Settings): Promise<string> {
  const { settings } = await readSettings(flags);
  return storeRoot(settings, process.env);
}

async function readSettings(flags: Settings): Promise<Pick<OpenedStore, "settings" | "images">> {
  const config = await readConfigFile(process.cwd(), process.env);
  const settings = mergeSettings(known(flags), settingsOfEnvironment(process.env), config.settings);
  return { settings, images: config.images };
}

/** What of a command's flags is a setting. */
function known(flags: Settings): Settings {
  return Object.fromEntries(
    Object.entries(flags).filter(([name, value]) => name in settingTable && value !== undefined),
  );
}
