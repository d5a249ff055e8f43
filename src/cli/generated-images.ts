/** Where the images of an architecture file go. */
import { mkdir, rmdir, stat } from "node:fs/promises";
import { dirname, extname, join, resolve } from "node:path";
import { type ArchitectureImage, fileNameOf } from "../architecture/architecture.ts";
import { errorCode, errorText } from "../store/fs-failure.ts";
import { fileKind } from "../store/regular-file.ts";
import { exitCode } from "./exit-code.ts";
import { UserError } from "./user-error.ts";

/** Where images go when nothing is said. */
export const defaultImageDir = "generated-images";

/** An image, and the file it becomes. */
export interface PlannedImage {
  readonly image: ArchitectureImage;
  /** As it is shown, relative to the current directory when it was given so. */
  readonly path: string;
}

const formatOfExtension: Readonly<Record<string, string>> = {
  ".qcow2": "qcow2",
  ".raw": "raw",
  ".img": "raw",
  ".vmdk": "vmdk",
  ".vhdx": "vhdx",
  ".vdi": "vdi",
};

/**
 * The file of each image. One image becomes the file that `outputPath` names, each of several one of its own in that
 * directory: `NAME-VERSION.FORMAT`.
 *
 * @param outputPath as it was given, if it was
 * @throws UserError
 */
export async function planImages(
  images: readonly ArchitectureImage[],
  outputPath: string | undefined,
): Promise<readonly PlannedImage[]> {
  const [only] = images;
  if (outputPath === undefined) {
    return images.length === 1 && only !== undefined
      ? [{ image: only, path: join(defaultImageDir, `image.${only.format}`) }]
      : inDirectory(images, defaultImageDir);
  }
  if (outputPath.endsWith("/") || (await isDirectory(outputPath))) {
    return inDirectory(images, outputPath);
  }
  const flag = `--image-output-path ${outputPath}`;
  if (images.length > 1 || only === undefined) {
    throw new UserError(`${flag}: this is one file, and there are ${images.length} images`, {
      exitCode: exitCode.usage,
      hint: `name a directory (${dirname(outputPath)}/), or choose one with --image NAME`,
    });
  }
  const named = formatOfExtension[extname(outputPath)];
  if (named !== undefined && named !== only.format) {
    throw new UserError(
      `${flag}: the name says ${named}, and the architecture file ${only.format}`,
      { exitCode: exitCode.usage, hint: "change one of them, or name a directory" },
    );
  }
  return [{ image: only, path: outputPath }];
}

/** @throws UserError when two images would be one file */
function inDirectory(images: readonly ArchitectureImage[], dir: string): readonly PlannedImage[] {
  const keys = new Map<string, string>();
  return images.map((image) => {
    const path = join(dir, fileNameOf(image));
    const other = keys.get(path);
    if (other !== undefined) {
      throw new UserError(`the images ${other} and ${image.key} would both become ${path}`, {
        exitCode: exitCode.badInput,
        hint: "give them different names or versions",
      });
    }
    keys.set(path, image.key);
    return { image, path };
  });
}

/** @throws UserError when one of the files is there */
export async function refuseExisting(paths: readonly string[]): Promise<void> {
  const found = [];
  for (const path of paths) if ((await statsOf(path)) !== undefined) found.push(path);
  if (found.length === 0) return;
  const verb = found.length === 1 ? "is" : "are";
  throw new UserError(`${found.join(", ")} ${verb} there already`, {
    exitCode: exitCode.badInput,
    hint: `--overwrite replaces ${found.length === 1 ? "it" : "them"}`,
  });
}

/** Directories for files; those that were missing are gone again afterwards if nothing came into them. */
export class OutputDirs implements AsyncDisposable {
  readonly #made: string[] = [];

  /** @throws UserError */
  async make(paths: readonly string[]): Promise<void> {
    for (const dir of new Set(paths.map((path) => dirname(resolve(path))))) {
      try {
        await this.#makeOne(dir);
      } catch (error) {
        if (errorCode(error) === undefined) throw error;
        throw new UserError(
          `there is no directory ${dir}, and it cannot be made: ${errorText(error)}`,
          {
            exitCode: exitCode.host,
          },
        );
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const dir of this.#made.toReversed()) {
      // What has something in it by now stays.
      await rmdir(dir).catch(() => {});
    }
  }

  /** Not the `recursive` of `mkdir`, which does not tell all that it made. */
  async #makeOne(dir: string): Promise<void> {
    const stats = await statsOf(dir);
    if (stats?.isDirectory() === true) return;
    if (stats !== undefined) {
      throw new UserError(`${dir} is ${fileKind(stats)}, not a directory`, {
        exitCode: exitCode.usage,
      });
    }
    await this.#makeOne(dirname(dir));
    try {
      await mkdir(dir);
      this.#made.push(dir);
    } catch (error) {
      if (errorCode(error) !== "EEXIST") throw error;
    }
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return (await statsOf(path))?.isDirectory() === true;
}

async function statsOf(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}
