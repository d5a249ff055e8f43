import { dirname, join, resolve } from "node:path";
import { homedir } from "node:os";
import { nearest } from "../spec/did-you-mean.ts";
import { readRegularText } from "../store/regular-file.ts";
import { configuredImages, imagesKey } from "./config-images.ts";
import { exitCode } from "./exit-code.ts";
import type { ConfiguredImages } from "./render/input-message.ts";
import { type Settings, settingTable } from "./settings.ts";
import { UserError } from "./user-error.ts";

/** What `vmbuild.toml` says. */
export interface Config {
  readonly settings: Settings;
  readonly images: ConfiguredImages;
}

/**
 * Reads `vmbuild.toml` in `cwd`, or else `$XDG_CONFIG_HOME/vmbuild/vmbuild.toml`; no file says nothing.
 * A relative store is taken from the file's own directory.
 *
 * @throws UserError that names the file and what is wrong in it
 */
export async function readConfigFile(cwd: string, env: NodeJS.ProcessEnv): Promise<Config> {
  const configHome = env["XDG_CONFIG_HOME"] || join(homedir(), ".config");
  const here = join(cwd, "vmbuild.toml");
  for (const path of [here, join(configHome, "vmbuild", "vmbuild.toml")]) {
    const text = await readText(path);
    if (text !== undefined) return parseConfig(text, path);
  }
  return { settings: {}, images: configuredImages(undefined, here) };
}

async function readText(path: string): Promise<string | undefined> {
  const text = await readRegularText(path);
  if (text.ok) return text.value;
  if (text.error.missing) return undefined;
  throw new UserError(`${path}: ${text.error.message}`, { exitCode: exitCode.badInput });
}

async function parseConfig(text: string, path: string): Promise<Config> {
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
  const { [imagesKey]: images, ...values } = table;
  const settings: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(values)) {
    const known = Object.entries(settingTable).find(([, setting]) => setting.key === key);
    if (known === undefined) throw unknownKey(key, path);
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
  return { settings, images: configuredImages(images, path) };
}

function unknownKey(key: string, path: string): UserError {
  const keys = [...Object.values(settingTable).map((setting) => setting.key), imagesKey];
  const near = nearest(key, keys);
  return new UserError(`${path}: unknown key ${key}`, {
    exitCode: exitCode.badInput,
    hint: near === undefined ? `known keys are ${keys.join(", ")}` : `did you mean ${near}?`,
  });
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
