/**
 * The gate between those who remove layers and those who start to use them.
 *
 * Who starts to use a layer first writes down that it does (a stage its `base.json`, a tag its file, a build
 * its hold), then passes the gate, and then looks whether the layer is there. Who removes layers first closes
 * the gate, then reads what is written down, and takes away only what nobody uses. Whatever the order in which
 * the two happen, one of them sees the other: no layer goes that is used, not even for an instant, and who
 * waits at the gate waits for some listings and renames, never for the removal of files.
 *
 * Any number of processes may have it closed; each takes away what no one uses, so they need not know of each
 * other. One that dies leaves it open, since the file that closes it is named after its owner.
 */
import { readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { StoreLayout } from "./layout.ts";
import { livenessOf, newOwner, parseOwner } from "./owner.ts";

/** Who has had it closed for longer must not take anything away any more. */
const MAX_CLOSED_MS = 60_000;
/** An owner in another container that closed it this long ago is not waited for. */
const FOREIGN_MS = 2 * MAX_CLOSED_MS;
const POLL_MS = 20;

/** A gate that this process has closed; disposing opens it. */
export interface ClosedGate extends AsyncDisposable {
  /** False when it has been closed for too long to take anything away. */
  holds(): boolean;
}

/** Closes the gate. Throws what the file system throws. */
export async function closeGate(layout: StoreLayout): Promise<ClosedGate> {
  const path = join(layout.deletingDir, await newOwner());
  await writeFile(path, "", { mode: 0o600 });
  const closedAtMs = performance.now();
  return {
    holds: () => performance.now() - closedAtMs < MAX_CLOSED_MS,
    [Symbol.asyncDispose]: () => rm(path, { force: true }),
  };
}

/** Resolves when nobody removes layers who may not have seen what was written down before; or when cancelled. */
export async function passGate(layout: StoreLayout, signal?: AbortSignal): Promise<void> {
  let closed: readonly string[] = await readdir(layout.deletingDir);
  while (closed.length > 0) {
    closed = await stillClosed(layout, closed);
    if (closed.length === 0 || signal?.aborted === true) return;
    await delay(POLL_MS);
  }
}

async function stillClosed(
  layout: StoreLayout,
  entries: readonly string[],
): Promise<readonly string[]> {
  const living = await Promise.all(
    entries.map(async (entry) => {
      const owner = parseOwner(entry);
      const status = await stat(join(layout.deletingDir, entry)).catch(() => undefined);
      if (owner === undefined || status === undefined) return [];
      const liveness = await livenessOf(owner);
      const waits =
        liveness === "unknown" ? Date.now() - status.mtimeMs < FOREIGN_MS : liveness === "running";
      return waits ? [entry] : [];
    }),
  );
  return living.flat();
}
