/** Logs of failed steps: kept to be looked at, the latest few, no part of any layer. */
import { readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { failed, ok, type Result } from "../result.ts";
import type { StoreFailure } from "./failure.ts";
import { attempt } from "./fs-failure.ts";
import type { StoreLayout } from "./layout.ts";

const KEPT = 50;

/** Keeps the log of the step `id` and forgets the oldest beyond 50. */
export async function keepFailedLog(
  layout: StoreLayout,
  id: string,
  logPath: string,
): Promise<Result<void, StoreFailure>> {
  return attempt(layout.failedLogDir, async () => {
    await rename(logPath, join(layout.failedLogDir, id));
    const logs = await newestFirst(layout);
    for (const { path } of logs.slice(KEPT)) await rm(path, { force: true });
  });
}

/** The kept log of the step that `text` is the id or a unique prefix (4 digits at least) of. */
export async function findFailedLog(
  layout: StoreLayout,
  text: string,
): Promise<Result<string, StoreFailure>> {
  const prefix = text.toLowerCase();
  const ids = await readdir(layout.failedLogDir);
  const matches = prefix.length < 4 ? [] : ids.filter((id) => id.startsWith(prefix)).sort();
  const [only] = matches;
  if (only === undefined) return failed({ reason: "id-unknown", text, suggestions: [] });
  return matches.length === 1
    ? ok(join(layout.failedLogDir, only))
    : failed({ reason: "id-ambiguous", text, matches });
}

async function newestFirst(layout: StoreLayout) {
  const logs: { path: string; mtimeMs: number }[] = [];
  for (const id of await readdir(layout.failedLogDir)) {
    const path = join(layout.failedLogDir, id);
    const stats = await stat(path).catch(() => undefined);
    if (stats !== undefined) logs.push({ path, mtimeMs: stats.mtimeMs });
  }
  return logs.sort((a, b) => b.mtimeMs - a.mtimeMs);
}
