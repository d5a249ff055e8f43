import { mkdir, realpath, stat } from "node:fs/promises";
import { basename, join, resolve, sep } from "node:path";
import type { BuildEnvironment } from "../build/environment.ts";
import { readLayer } from "../build/read-layer.ts";
import { resolveGuestPath } from "../plan/guest-path.ts";
import { errorCode, errorText } from "../store/fs-failure.ts";
import type { Layer } from "../store/store.ts";
import { subtree } from "../tree/guest-tree.ts";
import { inTheWay, unpack } from "../tree/unpack.ts";
import { exitCode } from "./exit-code.ts";
import { userError } from "./or-throw.ts";
import type { StatusLine } from "./render/status-line.ts";
import { UserError } from "./user-error.ts";

/** Files of the result that `--output PATH:DIR` asks for. */
export interface FileOutput {
  /** Absolute in the guest, not the root. */
  readonly path: string;
  /** Absolute on the host; made when missing. */
  readonly dir: string;
  /** What the file or directory becomes: an entry of `dir`. */
  readonly target: string;
}

/** How outputs are written. */
export interface Writing {
  readonly status: StatusLine;
  readonly signal: AbortSignal;
  /** The exit code of the signal that ended the build, if one did. */
  readonly signalCode: () => number | undefined;
}

/** What one `PATH:DIR` asks for. @throws UserError */
export function fileOutputOf(text: string): FileOutput {
  const colon = text.indexOf(":");
  const path = resolveGuestPath("/", text.slice(0, colon));
  const refused = (why: string, hint: string): UserError =>
    new UserError(`--output ${text}: ${why}`, { exitCode: exitCode.usage, hint });
  if (path === "/") throw refused("this is the whole disk", "--output FILE.qcow2 writes it");
  if (path.split("/").includes("..")) {
    throw refused("a path in the guest cannot contain `..`", "name the path from the root");
  }
  const dir = resolve(text.slice(colon + 1));
  return { path, dir, target: join(dir, basename(path)) };
}

/** Looks, before anything is built, whether the files have a place. @throws UserError */
export async function checkFiles(outputs: readonly FileOutput[], storeRoot: string): Promise<void> {
  const targets = new Set<string>();
  for (const { dir, target } of outputs) {
    const refused = (why: string, hint = "name another directory"): UserError =>
      new UserError(`no files can be written to ${target}: ${why}`, {
        exitCode: exitCode.usage,
        hint,
      });
    const real = await realParent(dir);
    if (`${real}${sep}`.startsWith((await realpath(storeRoot)) + sep)) {
      throw refused("it is inside the store, which is vmbuild's own");
    }
    const hasDir = await stat(dir).catch(() => undefined);
    if (hasDir !== undefined && !hasDir.isDirectory()) throw refused(`${dir} is no directory`);
    const obstacle = await inTheWay(target).catch((error: Error) => errorText(error));
    if (obstacle !== undefined) throw refused(obstacle, "remove it, or name another directory");
    if (targets.has(target)) throw refused("another --output writes there");
    targets.add(target);
  }
}

/** The real path of the deepest directory of `dir` that is there. */
async function realParent(dir: string): Promise<string> {
  try {
    return await realpath(dir);
  } catch (error) {
    if (errorCode(error) !== "ENOENT" || dir === "/") return dir;
    return join(await realParent(resolve(dir, "..")), basename(dir));
  }
}

/** Takes the files out of the result of a build; none is written when one of them cannot be. @throws UserError */
export async function writeFiles(
  layer: Layer,
  env: BuildEnvironment,
  outputs: readonly FileOutput[],
  { status, signal, signalCode }: Writing,
): Promise<void> {
  const key = 0;
  status.set(key, "reading the result's files");
  try {
    const paths = outputs.map(({ path }) => path);
    const read = await readLayer(layer, paths, env, { signal });
    if (!read.ok) throw userError(read.error);
    await using files = read.value;
    const trees = outputs.map((output) => {
      const entries = subtree(files.tree, output.path);
      if (!entries.ok) throw userError({ reason: "guest-files", cause: entries.error });
      return { ...output, entries: entries.value };
    });
    for (const { dir, target, entries } of trees) {
      try {
        await mkdir(dir, { recursive: true });
        await unpack(files.fd, entries, target, signal);
      } catch (error) {
        if (errorCode(error) === undefined) throw error;
        const message = `${target} cannot be written: ${errorText(error)}`;
        throw new UserError(message, { exitCode: exitCode.host });
      }
      await status.print(`wrote ${target}\n`);
    }
  } catch (error) {
    const code = signalCode();
    throw code === undefined ? error : new UserError("cancelled", { exitCode: code });
  } finally {
    status.clear(key);
  }
}
