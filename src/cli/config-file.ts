import { dirname, join, resolve } from "node:path";
import { homedir } from "node:os";
import { readRegularText } from "../store/regular-file.ts";
import { exitCode } from "./exit-code.ts";
import { type Settings, settingTable } from "./settings.ts";
import { UserError } from "./user-error.ts";

/**
 * Reads `vmbuild.toml` in `cwd`, or else `$XDG_CONFIG_HOME/vmbuild/vmbuild.toml`; no file is no settings.
 * A relative store is taken from the file's own directory.
 *
 * @throws UserError that names the file and what is wrong in it
 */
export async function settingsOfConfigFile(cwd: string, env: NodeJS.ProcessEnv): Promise<Settings> {
  const configHome = env["XDG_CONFIG_HOME"] || join(homedir(), ".config");
  for (const path of [join(cwd, "vmbuild.toml"), join(configHome, "vmbuild", "vmbuild.toml")]) {
    const text = await readText(path);
    if (text !== undefined) return parseConfig(text, path);
  }
  return {};
}

async function readText(path: string): Promise<string | undefined> {
  const text = await readRegularText(path);
  if (text.ok) return text.value;
  if (text.error.missing) return undefined;
  throw new UserError(`${path}: ${text.error.message}`, { exitCode: exitCode.badInput });
}

async function parseConfig(text: string, path: string): Promise<Settings> {
  const { default: toml } = await import("@iarna/toml");
  let table: Record<string, unknown>;
  try {
    table = toml.parse(text);
  } catch (error) {
    // The lines after the first show the place in the text.
    const [message = "", ...detail] = (error as Error).message.trimEnd().split("\n");
    throw new UserError(`${path}: ${message.replace(/:$/, "")}`, {
      exitCode: exitCode.badInput,
      detail: detail.join("\n"),
    });
  }
  const settings: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(table)) {
    const known = Object.entries(settingTable).find(([, setting]) => setting.key === key);
    if (known === undefined) {
      const keys = Object.values(settingTable).map((setting) => setting.key);
      throw new UserError(`${path}: unknown key ${key}`, {
        exitCode: exitCode.badInput,
        hint: `known keys are ${keys.join(", ")}`,
      });
    }
    const [name, { read }] = known;
    if (typeof value !== "string" && typeof value !== "number") {
      throw new UserError(`${path}: ${key} must be a string or a number`, {
        exitCode: exitCode.badInput,
      });
    }
    settings[name] = inFile(() => read(String(value), `${path}: ${key}`));
  }
  const store = settings["store"];
  if (typeof store === "string") settings["store"] = resolve(dirname(path), store);
  return settings;
}

/** A value is as wrong in a file as anywhere, but then the file is wrong and not the command line. */
function inFile<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(error.message, {
      exitCode: exitCode.badInput,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}
