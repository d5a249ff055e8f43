/**
 * Taking turns at one file that several processes read, change and replace: who does not wait for its turn would drop
 * what another one has just added.
 *
 * A turn is a symlink beside the file that leads nowhere: it is made in one step together with what tells whose it is.
 */
import { readlink, rename, rm, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { errorCode } from "../store/fs-failure.ts";
import { livenessOf, newOwner, parseOwner } from "../store/owner.ts";

const POLL_MS = 10;
/** A turn takes milliseconds. Who has it for longer has died where it cannot be seen from here. */
const MAX_TURN_MS = 30_000;

/** Gives `use` the turn at the file at `path`. Rejects with what the system says, and with what `use` rejects with. */
export async function inTurn<T>(path: string, use: () => Promise<T>): Promise<T> {
  const turnPath = join(dirname(path), `.vmbuild-${basename(path)}`);
  const owner = await newOwner();
  await take(turnPath, owner);
  try {
    return await use();
  } finally {
    if ((await holderOf(turnPath)) === owner) await rm(turnPath, { force: true });
  }
}

async function take(turnPath: string, owner: string): Promise<void> {
  let holder: string | undefined;
  let sinceMs = performance.now();
  while (!(await make(turnPath, owner))) {
    const now = await holderOf(turnPath);
    if (now !== holder) {
      holder = now;
      sinceMs = performance.now();
    }
    if (now === undefined) continue;
    const isOver = (await hasEnded(now)) || performance.now() - sinceMs > MAX_TURN_MS;
    if (isOver) await end(turnPath, now, owner);
    else await sleep(POLL_MS);
  }
}

async function make(turnPath: string, owner: string): Promise<boolean> {
  try {
    await symlink(owner, turnPath);
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw error;
  }
}

/** Undefined when nobody has it. */
async function holderOf(turnPath: string): Promise<string | undefined> {
  try {
    return await readlink(turnPath);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function hasEnded(holder: string): Promise<boolean> {
  const owner = parseOwner(holder);
  return owner === undefined || (await livenessOf(owner)) === "ended";
}

/** By renaming, of which one waiter alone succeeds; a turn that somebody else has taken meanwhile is given back. */
async function end(turnPath: string, holder: string, owner: string): Promise<void> {
  const aside = `${turnPath}-${owner}`;
  try {
    await rename(turnPath, aside);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return;
    throw error;
  }
  if ((await holderOf(aside)) === holder) await rm(aside, { force: true });
  else await rename(aside, turnPath);
}
