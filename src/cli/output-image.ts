import { realpath } from "node:fs/promises";
import { resolve, sep } from "node:path";
import type { BuildEnvironment } from "../build/environment.ts";
import { withShutDownDisk } from "../build/shut-down-disk.ts";
import { exportImage, formatOfName } from "../image/export-image.ts";
import { exportTarget } from "../image/export-target.ts";
import { shortId } from "../plan/plan-text.ts";
import type { Layer } from "../store/store.ts";
import { exitCode } from "./exit-code.ts";
import { orThrow, userError } from "./or-throw.ts";
import type { Writing } from "./output-files.ts";
import { UserError } from "./user-error.ts";

/** The image that `--output` asks for. */
export interface OutputImage {
  /** Absolute. */
  readonly path: string;
  readonly format: "qcow2" | "raw";
}

/** The image of one `--output`. @throws UserError when the format is not told, or told twice and differently */
export function imageOf(output: string, outputFormat?: "qcow2" | "raw"): OutputImage {
  const named = formatOfName(output);
  const format = outputFormat ?? named;
  if (format === undefined) {
    throw new UserError(`--output ${output}: the name does not tell the format`, {
      exitCode: exitCode.usage,
      hint: "end it in .qcow2, .img or .raw, or say --output-format; PATH:DIR copies files out",
    });
  }
  if (named !== undefined && named !== format) {
    throw new UserError(`--output ${output}: the name says ${named}, --output-format ${format}`, {
      exitCode: exitCode.usage,
      hint: "leave one of them out",
    });
  }
  if (output.endsWith("/")) {
    throw new UserError(`--output ${output}: this names a directory, not a file`, {
      exitCode: exitCode.usage,
    });
  }
  return { path: resolve(output), format };
}

/**
 * Looks, before anything is built, whether the image can be written and takes the place of nothing
 * that the build needs.
 *
 * @throws UserError
 */
export async function checkImage(
  { path }: OutputImage,
  { storeRoot, specPath }: { readonly storeRoot: string; readonly specPath: string },
): Promise<void> {
  const target = orThrow(await exportTarget(path)).path;
  const refused = (why: string): UserError =>
    new UserError(`no image can be written to ${path}: ${why}`, { exitCode: exitCode.usage });
  if (target.startsWith((await realpath(storeRoot)) + sep)) {
    throw refused("it is inside the store, which is vmbuild's own");
  }
  const spec = await realpath(specPath === "-" ? "/dev/stdin" : specPath).catch(() => undefined);
  if (target === spec) throw refused("it is the spec");
}

/** Writes the result of a build. @throws UserError */
export async function writeImage(
  layer: Layer,
  env: BuildEnvironment,
  output: OutputImage,
  { status, signal, signalCode }: Writing,
): Promise<void> {
  const key = 0;
  status.set(key, `writing ${output.path}`);
  const off = await withShutDownDisk(layer, env, signal, (diskPath) =>
    exportImage({ diskPath, ...output, signal }),
  );
  status.clear(key);
  const written = off.ok ? off.value : off;
  if (!written.ok) {
    const error = userError(written.error);
    const code = signalCode();
    throw code === undefined ? error : new UserError("cancelled", { exitCode: code });
  }
  await status.print(`wrote ${output.path}\n`);
  const { boot } = layer.metadata.profile;
  if (boot.kind === "kernel") {
    await status.print(
      `note: this system is started by its kernel from outside the disk; \`vmbuild show ${shortId(layer.id)}\` tells how\n`,
    );
  }
}
