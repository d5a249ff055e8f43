import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { Settings } from "./settings.ts";

/** The store's absolute path: the given one, or `$XDG_DATA_HOME/vmbuild`. */
export function storeRoot(settings: Settings, env: NodeJS.ProcessEnv): string {
  if (settings.store !== undefined) return resolve(settings.store);
  return join(env["XDG_DATA_HOME"] || join(homedir(), ".local", "share"), "vmbuild");
}
