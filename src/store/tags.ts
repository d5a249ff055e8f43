/**
 * Tags: names for layers, one small file each.
 *
 * A tag is named as a base image is (see `name-rule.ts`), in at most 80 characters; so a layer can be
 * called what an image is called elsewhere (`debian:12`, `team/base`). `@` stays free for digest pins,
 * and `sha256` is no base image's either. A name that reads as an id or as the beginning of one (four or more of `0-9a-f` and nothing
 * else) is refused: otherwise a new layer could change what a name means, or a new tag what a prefix
 * means.
 */
import { readdir, rm } from "node:fs/promises";
import type { StepId } from "../plan/step.ts";
import { failed, ok, type Result } from "../result.ts";
import { escapeName, unescapeName } from "./escaped-name.ts";
import { replaceFile, type StoreContext } from "./durable.ts";
import type { StoreFailure } from "./failure.ts";
import { passGate } from "./gate.ts";
import { attempt, errorCode } from "./fs-failure.ts";
import { readIfPresent } from "./json.ts";
import { isStepId, readLayer } from "./layer-file.ts";
import type { StoreLayout } from "./layout.ts";
import { nameProblem } from "./name-rule.ts";
import type { Tag } from "./store.ts";

/** Why `name` cannot be a tag, or undefined when it can. */
function tagNameProblem(name: string): string | undefined {
  if (name.length > 80) return "a tag has at most 80 characters";
  if (name.includes("@")) return "what follows an @ in `from` is a digest";
  if (name.split("/", 1)[0] === "sha256") return "`sha256` is a directory of the store";
  return looksLikeId(name)
    ? `it reads as the beginning of a layer's id; add a letter beyond f or a sign, such as v-${name.slice(0, 12)}`
    : nameProblem(name);
}

/** True for what a user may type to mean a layer by its id: four hex digits up to a whole id. */
export function looksLikeId(text: string): boolean {
  return /^[0-9a-f]{4,64}$/i.test(text);
}

/** The id `name` points at, or undefined when there is no such tag. */
export async function readTag(layout: StoreLayout, name: string): Promise<StepId | undefined> {
  if (tagNameProblem(name) !== undefined) {
    return undefined;
  }
  const text = (await readIfPresent(layout.tag(escapeName(name))))?.trim();
  return text !== undefined && isStepId(text) ? text : undefined;
}

/** Every tag, by name. */
export async function readTags(layout: StoreLayout): Promise<readonly Tag[]> {
  const tags: Tag[] = [];
  for (const entry of (await readdir(layout.tagDir)).sort()) {
    const name = unescapeName(entry);
    const id = name === undefined ? undefined : await readTag(layout, name);
    if (name !== undefined && id !== undefined) {
      tags.push({ name, id });
    }
  }
  return tags;
}

/** Points `name` at layer `id`. */
export async function writeTag(
  context: StoreContext,
  name: string,
  id: StepId,
): Promise<Result<void, StoreFailure>> {
  const { layout, sync } = context;
  const problem = tagNameProblem(name);
  if (problem !== undefined) {
    return failed({ reason: "tag-invalid", name, message: problem });
  }
  const path = layout.tag(escapeName(name));
  const written = await attempt(path, async (): Promise<Result<void, StoreFailure>> => {
    if ((await readLayer(layout, id)) === undefined) {
      return failed({ reason: "layer-missing", id });
    }
    const previous = await readTag(layout, name);
    await replaceFile(layout, path, `${id}\n`, sync);
    // The layer is looked for once more because it may be deleted just now, see gate.ts.
    await passGate(layout);
    if ((await readLayer(layout, id)) === undefined) {
      await (previous === undefined
        ? rm(path, { force: true })
        : replaceFile(layout, path, `${previous}\n`, sync));
      return failed({ reason: "layer-missing", id });
    }
    return ok();
  });
  return written.ok ? written.value : written;
}

/** Removes a tag, or finds it `absent`; what it pointed at stays. */
export async function removeTag(
  context: StoreContext,
  name: string,
): Promise<Result<"removed" | "absent", StoreFailure>> {
  const { layout, sync } = context;
  const problem = tagNameProblem(name);
  if (problem !== undefined) {
    return failed({ reason: "tag-invalid", name, message: problem });
  }
  return attempt(layout.tagDir, async () => {
    try {
      await rm(layout.tag(escapeName(name)));
    } catch (error) {
      if (errorCode(error) === "ENOENT") return "absent";
      throw error;
    }
    await sync(layout.tagDir);
    return "removed";
  });
}
