import { readFile } from "node:fs/promises";
import { relative, resolve } from "node:path";
import type { Architecture } from "../architecture/architecture.ts";
import { gocdConfig } from "../architecture/gocd-config.ts";
import { exportTarget } from "../image/export-target.ts";
import { exitCode } from "./exit-code.ts";
import { defaultImageDir } from "./generated-images.ts";
import { orThrow } from "./or-throw.ts";
import { replaceFile } from "./replace-file.ts";
import { UserError } from "./user-error.ts";

export interface GocdFlags {
  readonly architecturePath: string;
  readonly gocdConfigName: string;
  readonly gocdBuildBranch: string;
  readonly gocdGitUrl?: string;
  readonly overwrite?: boolean;
}

/**
 * Writes GoCD pipelines for the images. The same text that is there already is left alone.
 *
 * @returns what there is to say
 * @throws UserError
 */
export async function writeGocdFile(architecture: Architecture, flags: GocdFlags): Promise<string> {
  const { architecturePath, gocdConfigName: name, gocdBuildBranch, overwrite = false } = flags;
  const config = gocdConfig(architecture, {
    gitUrl: flags.gocdGitUrl ?? (await originUrl()),
    branch: gocdBuildBranch,
    architecturePath: relative(process.cwd(), resolve(architecturePath)),
    imageDir: defaultImageDir,
  });
  if (!config.ok) {
    const names = config.error.keys.map((key) => JSON.stringify(key)).join(" and ");
    throw new UserError(`${names} cannot name a GoCD pipeline`, {
      exitCode: exitCode.badInput,
      hint: "a pipeline's name is letters, digits, _, - and .; change the image's key in the architecture file",
    });
  }
  const target = orThrow(await exportTarget(resolve(name)));
  const before = await readFile(target.path, "utf8").catch(() => undefined);
  if (before === config.value) return `${name} is as it should be\n`;
  if (before !== undefined && !overwrite) {
    throw new UserError(`${name} is there already, with something else in it`, {
      exitCode: exitCode.badInput,
      hint: "--overwrite replaces it",
    });
  }
  await replaceFile({ ...target, name }, config.value);
  return `wrote ${name}\n`;
}

/** Where the repository around the current directory came from. @throws UserError when it came from nowhere */
async function originUrl(): Promise<string> {
  const { execa } = await import("execa");
  const { exitCode: code, stdout } = await execa("git", ["config", "--get", "remote.origin.url"], {
    reject: false,
    stdin: "ignore",
  });
  if (code !== 0 || stdout === "") {
    throw new UserError("it cannot be told which repository GoCD has to fetch", {
      exitCode: exitCode.usage,
      hint: "name it with --gocd-git-url URL, or add the remote `origin` to this one",
    });
  }
  return withoutLogin(stdout);
}

/** GoCD has its own; and what is written here is there for all to read. */
function withoutLogin(text: string): string {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return text;
  const url = new URL(text);
  url.username = "";
  url.password = "";
  return url.href;
}
