import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { formatByteSize } from "../../profile/byte-size.ts";
import type { StepId } from "../../plan/step.ts";
import { failed } from "../../result.ts";
import { bytesOf } from "../../store/stored-file.ts";
import type { Layer, Store, Tag } from "../../store/store.ts";
import type { InventoryLayer } from "../../store/upkeep.ts";
import { exitCode } from "../exit-code.ts";
import { openSettingsAndStore } from "../open-store.ts";
import { orThrow } from "../or-throw.ts";
import { columns, writeOut } from "../output.ts";
import { clip } from "../render/clip.ts";
import { shortId } from "../../plan/plan-text.ts";
import { age, duration } from "../render/units.ts";
import type { Settings } from "../settings.ts";
import { UserError } from "../user-error.ts";

type Flags = Pick<Settings, "store">;

/** `vmbuild ls` */
export async function ls(
  flags: Flags & { readonly json?: boolean; readonly quiet?: boolean },
): Promise<void> {
  const { store } = await openSettingsAndStore(flags);
  if (flags.quiet === true) {
    const layers = newestFirst(await store.layers(), ({ metadata }) => metadata.createdAt);
    await writeOut(layers.map(({ id }) => `${id}\n`).join(""));
    return;
  }
  const { layers, tags } = await store.inventory();
  const byId = tagsById(tags);
  const described = newestFirst(
    layers.map((entry) => describe(entry, byId)),
    ({ createdAt }) => createdAt,
  );
  if (flags.json === true) {
    await writeOut(`${JSON.stringify(described, undefined, 2)}\n`);
    return;
  }
  const width = process.stdout.columns ?? 120;
  // The step is what tells layers apart; `show` and --json have long names in full.
  const tagColumns = Math.max(8, Math.floor(width / 5));
  const nowMs = Date.now();
  const rows = described.map((layer) => [
    shortId(layer.id),
    layer.createdAt.slice(0, 16).replace("T", " "),
    age(nowMs - Date.parse(layer.usedAt)),
    formatByteSize(layer.diskBytes),
    clip(layer.tags.join(","), tagColumns),
    layer.heading,
  ]);
  const table = columns([["ID", "CREATED", "USED", "DISK", "TAGS", "STEP"], ...rows]);
  await writeOut(
    table
      .split("\n")
      .map((line) => clip(line, width))
      .join("\n"),
  );
}

/** `vmbuild show` */
export async function show(
  id: string,
  flags: Flags & { readonly files?: boolean; readonly json?: boolean },
): Promise<void> {
  const { store } = await openSettingsAndStore(flags);
  const layer = await layerNamed(store, id);
  if (flags.files === true) {
    const { parent } = layer.metadata;
    // A layer without a parent is a base image as it is.
    if (parent === undefined) return writeOut(flags.json === true ? "[]\n" : "");
    return (await import("./diff.ts")).diff(parent, layer.id, flags);
  }
  const { layers, tags } = await store.inventory();
  const entry = layers.find((other) => other.layer.id === layer.id);
  if (entry === undefined) return orThrow(missing(layer.id));
  const described = describe(entry, tagsById(tags));
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
    ["used", described.usedAt],
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
  return orThrow(missing(id));
}

function missing(id: StepId) {
  return failed({ reason: "layer-missing", id } as const);
}

/** Times are RFC 3339 in UTC, which sort as text. */
function newestFirst<T>(items: readonly T[], createdAt: (item: T) => string): readonly T[] {
  return [...items].sort((a, b) => (createdAt(a) < createdAt(b) ? 1 : -1));
}

function tagsById(tags: readonly Tag[]): ReadonlyMap<StepId, readonly string[]> {
  const names = new Map<StepId, string[]>();
  for (const { name, id } of tags) names.set(id, [...(names.get(id) ?? []), name]);
  return names;
}

function describe(
  { layer, usedAtMs, diskBytes, machine }: InventoryLayer,
  tags: ReadonlyMap<StepId, readonly string[]>,
) {
  const { profile: _, ...metadata } = layer.metadata;
  return {
    ...metadata,
    tags: tags.get(layer.id) ?? [],
    dir: layer.dir,
    diskBytes,
    suspendedBytes: bytesOf(machine?.files ?? []),
    usedAt: new Date(usedAtMs).toISOString(),
  };
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
