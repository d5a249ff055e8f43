import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { formatByteSize } from "../../profile/byte-size.ts";
import type { StepId } from "../../plan/step.ts";
import type { Layer, Store } from "../../store/store.ts";
import { exitCode } from "../exit-code.ts";
import { openSettingsAndStore } from "../open-store.ts";
import { orThrow } from "../or-throw.ts";
import { columns, writeOut } from "../output.ts";
import { clip } from "../render/clip.ts";
import { shortId } from "../../plan/plan-text.ts";
import { duration } from "../render/units.ts";
import type { Settings } from "../settings.ts";
import { UserError } from "../user-error.ts";

type Flags = Pick<Settings, "store">;

/** `vmbuild ls` */
export async function ls(
  flags: Flags & { readonly json?: boolean; readonly quiet?: boolean },
): Promise<void> {
  const { store } = await openSettingsAndStore(flags);
  const layers = [...(await store.layers())].sort((a, b) =>
    b.metadata.createdAt.localeCompare(a.metadata.createdAt),
  );
  if (flags.quiet === true) {
    await writeOut(layers.map(({ id }) => `${id}\n`).join(""));
    return;
  }
  const tags = await tagsById(store);
  const described = await Promise.all(layers.map((layer) => describe(layer, tags)));
  if (flags.json === true) {
    await writeOut(`${JSON.stringify(described, undefined, 2)}\n`);
    return;
  }
  const width = process.stdout.columns ?? 120;
  // The step is what tells layers apart; `show` and --json have long names in full.
  const tagColumns = Math.max(8, Math.floor(width / 5));
  const rows = described.map((layer) => [
    shortId(layer.id),
    layer.createdAt.slice(0, 16).replace("T", " "),
    formatByteSize(layer.diskBytes),
    clip(layer.tags.join(","), tagColumns),
    layer.heading,
  ]);
  const table = columns([["ID", "CREATED", "DISK", "TAGS", "STEP"], ...rows]);
  await writeOut(
    table
      .split("\n")
      .map((line) => clip(line, width))
      .join("\n"),
  );
}

/** `vmbuild show` */
export async function show(id: string, flags: Flags & { readonly json?: boolean }): Promise<void> {
  const { store } = await openSettingsAndStore(flags);
  const layer = await layerNamed(store, id);
  const described = await describe(layer, await tagsById(store));
  if (flags.json === true) {
    const children = await store.childrenOf(layer.id);
    await writeOut(`${JSON.stringify({ ...described, children }, undefined, 2)}\n`);
    return;
  }
  const { metadata } = layer;
  const rows = [
    ["id", layer.id],
    ["step", metadata.heading],
    ["parent", metadata.parent ?? "-"],
    ["base", `${metadata.base.name} sha256:${metadata.base.digest}`],
    ["created", `${metadata.createdAt} by vmbuild ${metadata.vmbuild}`],
    ["took", duration(metadata.durationMs)],
    ["disk", `${layer.diskPath} (${formatByteSize(described.diskBytes)})`],
    ["log", layer.logPath],
    ["tags", described.tags.join(", ") || "-"],
    ["children", (await store.childrenOf(layer.id)).map(shortId).join(", ") || "-"],
    ["profile", profileSummary(layer)],
    ...bootRows(layer, store.root),
  ];
  await writeOut(columns(rows));
}

/** `vmbuild log` */
export async function log(id: string, flags: Flags): Promise<void> {
  const { store } = await openSettingsAndStore(flags);
  const resolved = await store.resolveId(id);
  const failedLog = resolved.ok ? undefined : await store.failedLog(id);
  const path = failedLog?.ok === true ? failedLog.value : (await layerNamed(store, id)).logPath;
  await pipeline(createReadStream(path), process.stdout, { end: false });
}

/** `vmbuild delete` */
export async function deleteLayers(
  ids: readonly string[],
  flags: Flags & { readonly recursive?: boolean },
): Promise<void> {
  const { store } = await openSettingsAndStore(flags);
  for (const text of ids) {
    const id = orThrow(await store.resolveId(text));
    const doomed = flags.recursive === true ? await withDescendants(store, id) : [id];
    for (const layer of doomed) {
      orThrow(await store.delete(layer));
      await writeOut(`deleted ${layer}\n`);
    }
  }
}

/** `vmbuild tag` */
export async function tag(id: string, name: string, flags: Flags): Promise<void> {
  const { store, layout } = await openSettingsAndStore(flags);
  const { baseNames } = await import("../../image/find-base.ts");
  if ((await baseNames(layout)).includes(name)) {
    throw new UserError(`there is a base image ${name} already`, {
      exitCode: exitCode.usage,
      hint: "`from` could not tell them apart; choose another name",
    });
  }
  orThrow(await store.tag(name, orThrow(await store.resolveId(id))));
}

/** `vmbuild untag` */
export async function untag(name: string, flags: Flags): Promise<void> {
  const { store } = await openSettingsAndStore(flags);
  if (orThrow(await store.untag(name)) === "absent") {
    throw new UserError(`there is no tag ${name}`, {
      exitCode: exitCode.badInput,
      hint: "`vmbuild ls` shows the tags",
    });
  }
}

async function layerNamed(store: Store, text: string): Promise<Layer> {
  const id = orThrow(await store.resolveId(text));
  const layer = await store.layer(id);
  if (layer !== undefined) return layer;
  return orThrow({ ok: false, error: { reason: "layer-missing", id } });
}

/** Children first, so that each may go. */
async function withDescendants(store: Store, id: StepId): Promise<readonly StepId[]> {
  const children = await store.childrenOf(id);
  const below = await Promise.all(children.map((child) => withDescendants(store, child)));
  return [...below.flat(), id];
}

async function tagsById(store: Store): Promise<ReadonlyMap<StepId, readonly string[]>> {
  const tags = new Map<StepId, string[]>();
  for (const { name, id } of await store.tags()) tags.set(id, [...(tags.get(id) ?? []), name]);
  return tags;
}

async function describe(layer: Layer, tags: ReadonlyMap<StepId, readonly string[]>) {
  const { blocks } = await stat(layer.diskPath);
  const { profile: _, ...metadata } = layer.metadata;
  return { ...metadata, tags: tags.get(layer.id) ?? [], dir: layer.dir, diskBytes: blocks * 512 };
}

function profileSummary({ metadata: { profile } }: Layer): string {
  return `${profile.os} ${profile.arch}, -M ${profile.machine}, disk on ${profile.diskBus}, login ${profile.login.user}`;
}

/** How a system is started whose kernel is not on its disk. */
function bootRows({ metadata: { profile } }: Layer, root: string): readonly (readonly string[])[] {
  const { boot } = profile;
  if (boot.kind === "firmware") return [];
  return [
    ["kernel", `${root}/${boot.kernel}`],
    ...(boot.initrd === undefined ? [] : [["initrd", `${root}/${boot.initrd}`]]),
    ["append", boot.append],
  ];
}
