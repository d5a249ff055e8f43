/**
 * Caches in a POSIX guest: on a disk that is plugged in, or else, in a guest that cannot have one, as tar streams.
 */
import { open } from "node:fs/promises";
import type { PluggedDisk } from "../machine/hot-plug.ts";
import type { Session } from "../machine/session.ts";
import type { Profile } from "../profile/profile.ts";
import { failed, ok, type Result } from "../result.ts";
import type { SandboxFailure } from "./failure.ts";
import { fdStream } from "./fd-stream.ts";
import type { AttachedCache, Done, GuestDisks } from "./guest.ts";
import {
  attachInPlaceScript,
  detachInPlaceScript,
  saveInPlaceScript,
} from "./bsd-cache-scripts.ts";
import { inPlaceCache } from "./in-place-cache.ts";
import {
  attachDiskScript,
  attachScript,
  busyDiskCode,
  damagedDiskCode,
  detachDiskScript,
  detachScript,
  type DiskFill,
  type GuestCache,
  saveScript,
} from "./posix-cache-scripts.ts";
import { rootScript } from "./posix-command.ts";
import { noDiskCode } from "./posix-files.ts";
import { runScript, type ScriptAnswer } from "./remote-script.ts";
import type { CacheAttachment, CacheForm, SandboxHooks } from "./sandbox.ts";

/** What the attaching of one cache works with. */
export interface CacheContext {
  readonly session: Session;
  readonly profile: Profile;
  readonly disks: GuestDisks | undefined;
  /** `UID:GID` of a new cache. */
  readonly owner: () => Promise<Result<string, SandboxFailure>>;
  readonly cache: CacheAttachment;
  /** Whether another cache of the step lies in it. */
  readonly holdsAnother: boolean;
  readonly place: GuestCache;
  readonly hooks: SandboxHooks;
}

type Attached = Result<AttachedCache, SandboxFailure>;

/** Offers a cache as {@link Guest.attach} says. */
export async function attachCache(context: CacheContext): Promise<Attached> {
  const { cache, disks, hooks } = context;
  if (disks !== undefined) {
    const attached = await attachDisk(context, disks);
    if (attached.ok || attached.error.reason !== "no-disk") return attached as Attached;
    if (hooks.signal.aborted) return failed({ reason: "cancelled" });
    disks.note(`the cache ${cache.name} goes by a stream: ${attached.error.why}`);
  }
  return attachStream(context);
}

async function attachStream(context: CacheContext): Promise<Attached> {
  const { cache, place, profile, hooks } = context;
  const { signal } = hooks;
  const tar = cache.content === undefined ? undefined : await cache.openTar(signal);
  if (signal.aborted) return failed({ reason: "cancelled" });
  if (tar?.ok === false) startAnew(context, tar.error);
  const content = tar?.ok === true ? tar.value : undefined;
  const owner = content === undefined ? await context.owner() : ok(undefined);
  if (!owner.ok) return owner;
  // Others have no way, or each its own, to mount one directory over another.
  const inPlace = profile.os !== "linux";
  const filled = await script(context, signal, {
    command: rootScript(
      profile,
      inPlace
        ? attachInPlaceScript(profile.os, place, owner.value)
        : attachScript(place, owner.value),
    ),
    ...(content === undefined ? {} : { stdin: fdStream(content.fd, content.sizeBytes) }),
  });
  if (!filled.ok) return filled;
  if (inPlace) {
    return ok(
      inPlaceCache({
        ...context,
        save: (stop) => saveStream(context, saveInPlaceScript(place), stop),
        takeOut: (stop) =>
          script(context, stop, { command: rootScript(profile, detachInPlaceScript(place)) }),
      }),
    );
  }
  return ok({
    save: (_, stop) => saveStream(context, saveScript(place, false), stop),
    detach: (stop) => script(context, stop, { command: rootScript(profile, detachScript(place)) }),
  });
}

/** Nothing was done in the guest, which can still be given a stream. */
interface NoDisk {
  readonly reason: "no-disk";
  readonly why: string;
}

async function attachDisk(
  context: CacheContext,
  disks: GuestDisks,
): Promise<Result<AttachedCache, SandboxFailure | NoDisk>> {
  const { cache, place, profile, hooks } = context;
  const { signal } = hooks;
  const noDisk = (why: string) => failed<NoDisk>({ reason: "no-disk", why });
  const made = await cache.openDisk(signal);
  if (!made.ok) return noDisk(made.error);
  const plugged = await disks.hotPlug.plug({ path: made.value.path, format: "qcow2" }, signal);
  if (!plugged.ok) return noDisk(plugged.error);
  const { lun } = plugged.value;
  const filling = await fillOf(context, disks, made.value.isFilled);
  if (!filling.ok) return filling;
  const { fill, tarDisk, stdin } = filling.value;
  const answer = await runScript(context.session, {
    command: rootScript(profile, attachDiskScript(place, lun, fill)),
    ...(stdin === undefined ? {} : { stdin }),
    signal,
  });
  if (!answer.ok) return answer;
  if (tarDisk !== undefined) await unplug(tarDisk, disks, signal);
  const { code, stderr } = answer.value;
  if (code === 0) return ok(diskCache(context, disks, plugged.value));
  if (code !== noDiskCode && code !== damagedDiskCode)
    return failed(cacheFailure(cache, answer.value));
  await unplug(plugged.value, disks, signal);
  if (code === damagedDiskCode && fill.kind === "filled") {
    startAnew(context, stderr);
    return attachDisk(context, disks);
  }
  return noDisk(code === noDiskCode ? "the guest does not find the disk, or has no ext4" : stderr);
}

interface Filling {
  readonly fill: DiskFill;
  readonly tarDisk?: PluggedDisk;
  readonly stdin?: ReturnType<typeof fdStream>;
}

/** A tar stream reaches the guest as a disk, too, which is many times faster than a stream. */
async function fillOf(
  context: CacheContext,
  { hotPlug }: GuestDisks,
  isFilled: boolean,
): Promise<Result<Filling, SandboxFailure>> {
  const { cache, hooks } = context;
  const { signal } = hooks;
  if (isFilled) return ok({ fill: { kind: "filled" } });
  if (cache.content !== undefined) {
    const tar = await cache.openTar(signal);
    if (tar.ok) {
      const { path, fd, sizeBytes } = tar.value;
      const plugged = await hotPlug.plug({ path, format: "raw" }, signal);
      return plugged.ok
        ? ok({ fill: { kind: "disk", lun: plugged.value.lun }, tarDisk: plugged.value })
        : ok({ fill: { kind: "stdin" }, stdin: fdStream(fd, sizeBytes) });
    }
    if (signal.aborted) return failed({ reason: "cancelled" });
    startAnew(context, tar.error);
  }
  const owner = await context.owner();
  return owner.ok ? ok({ fill: { kind: "new", owner: owner.value } }) : owner;
}

function diskCache(context: CacheContext, disks: GuestDisks, disk: PluggedDisk): AttachedCache {
  const { cache, place, profile } = context;
  let left: SandboxFailure | undefined;
  return {
    async save(stays, signal): Promise<Result<CacheForm, SandboxFailure>> {
      if (stays) return saveStream(context, saveScript(place, true), signal);
      const detached = await runScript(context.session, {
        command: rootScript(profile, detachDiskScript(place, disk.lun)),
        signal,
      });
      if (!detached.ok) return detached;
      const { code } = detached.value;
      if (code === busyDiskCode) {
        return failed(cacheFailed(cache, "something in the guest still uses its disk"));
      }
      if (code !== 0) {
        left = cacheFailure(cache, detached.value);
        return failed(left);
      }
      const unplugged = await unplug(disk, disks, signal);
      return unplugged.ok ? ok("disk") : failed(cacheFailed(cache, unplugged.error));
    },
    // A disk is saved by taking it out; what could not be would become part of the layer.
    detach: async () => (left === undefined ? ok() : failed(left)),
  };
}

async function saveStream(
  context: CacheContext,
  saving: string,
  signal: AbortSignal,
): Promise<Result<CacheForm, SandboxFailure>> {
  const { cache, profile } = context;
  const file = await open(cache.newContentPath, "wx", 0o600);
  try {
    const saved = await script(context, signal, {
      command: rootScript(profile, saving),
      stdoutTo: async (chunk) => {
        await file.writeFile(chunk);
      },
    });
    return saved.ok ? ok("tar") : saved;
  } finally {
    await file.close();
  }
}

function startAnew({ cache, hooks }: CacheContext, why: string): void {
  hooks.onWarning(`the cache ${cache.name} is damaged and starts anew: ${why}`);
  cache.startAnew();
}

/** A disk that stays plugged is noticed by who saves the machine. */
async function unplug(
  disk: PluggedDisk,
  { note }: GuestDisks,
  signal: AbortSignal,
): Promise<Result<void, string>> {
  const unplugged = await disk.unplug(signal);
  if (!unplugged.ok) note(`a disk could not be unplugged: ${unplugged.error}`);
  return unplugged;
}

async function script(
  { session, cache }: CacheContext,
  signal: AbortSignal,
  request: Omit<Parameters<typeof runScript>[1], "signal">,
): Done {
  const answer = await runScript(session, { ...request, signal });
  if (!answer.ok) return answer;
  return answer.value.code === 0 ? ok() : failed(cacheFailure(cache, answer.value));
}

function cacheFailure(cache: CacheAttachment, { code, stderr }: ScriptAnswer): SandboxFailure {
  return cacheFailed(cache, stderr || `the script in the guest ended with ${code}`);
}

function cacheFailed({ name, target }: CacheAttachment, message: string): SandboxFailure {
  return { reason: "cache-failed", cache: name, target, message };
}
