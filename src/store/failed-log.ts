/**
 * Logs of failed steps: kept to be looked at, the latest few, no part of any layer. Beside each is how the
 * step failed, for those who followed it.
 */
import { readdir, rename, rm, stat } from "node:fs/promises";
import { basename } from "node:path";
import { failed, ok, type Result } from "../result.ts";
import { replaceFile } from "./durable.ts";
import type { StoreFailure } from "./failure.ts";
import { attempt } from "./fs-failure.ts";
import { isRecord, readJson } from "./json.ts";
import type { StoreLayout } from "./layout.ts";

const KEPT = 50;
const RECORD_SUFFIX = ".json";

/** Keeps the log of the step `id` and forgets the oldest beyond 50. */
export async function keepFailedLog(
  layout: StoreLayout,
  id: string,
  logPath: string,
): Promise<Result<void, StoreFailure>> {
  return attempt(layout.failedLogDir, async () => {
    await rename(logPath, layout.failedLog(id));
    const logs = await newestFirst(layout);
    for (const { path } of logs.slice(KEPT)) {
      await rm(path, { force: true });
      await rm(recordPath(path), { force: true });
    }
  });
}

/** Notes how the step `id` failed in the stage at `stageDir`. */
export async function writeFailure(
  layout: StoreLayout,
  id: string,
  stageDir: string,
  record: unknown,
): Promise<Result<void, StoreFailure>> {
  const path = recordPath(layout.failedLog(id));
  // No two stages have one name, so that nobody takes the record of an earlier failure for this one's.
  const content = JSON.stringify({ stage: basename(stageDir), record });
  return attempt(path, () => replaceFile(layout, path, content));
}

/** What was noted about the failure in the stage at `stageDir`; undefined when nothing was. */
export async function readFailure(
  layout: StoreLayout,
  id: string,
  stageDir: string,
): Promise<{ readonly record: unknown } | undefined> {
  const note = await readJson(recordPath(layout.failedLog(id)));
  return isRecord(note) && note["stage"] === basename(stageDir)
    ? { record: note["record"] }
    : undefined;
}

/** The kept log of the step that `text` is the id or a unique prefix (4 digits at least) of. */
export async function findFailedLog(
  layout: StoreLayout,
  text: string,
): Promise<Result<string, StoreFailure>> {
  const prefix = text.toLowerCase();
  const ids = await logNames(layout);
  const matches = prefix.length < 4 ? [] : ids.filter((id) => id.startsWith(prefix)).sort();
  const [only] = matches;
  if (only === undefined) return failed({ reason: "id-unknown", text, suggestions: [] });
  return matches.length === 1
    ? ok(layout.failedLog(only))
    : failed({ reason: "id-ambiguous", text, matches });
}

async function newestFirst(layout: StoreLayout) {
  const logs: { path: string; mtimeMs: number }[] = [];
  for (const id of await logNames(layout)) {
    const path = layout.failedLog(id);
    const stats = await stat(path).catch(() => undefined);
    if (stats !== undefined) logs.push({ path, mtimeMs: stats.mtimeMs });
  }
  return logs.sort((a, b) => b.mtimeMs - a.mtimeMs);
}

async function logNames(layout: StoreLayout): Promise<readonly string[]> {
  return (await readdir(layout.failedLogDir)).filter((name) => !name.endsWith(RECORD_SUFFIX));
}

function recordPath(logPath: string): string {
  return `${logPath}${RECORD_SUFFIX}`;
}
