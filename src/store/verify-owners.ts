/** Whose the temporary entries of a store are. */
import { basename, extname, join } from "node:path";
import { ok, type Result } from "../result.ts";
import type { StoreFailure } from "./failure.ts";
import { parseStageEntry, type StoreLayout } from "./layout.ts";
import { parseOwner } from "./owner.ts";
import { livingProcess, mayLive } from "./stage-record.ts";
import type { EntryInUse, StoreFinding } from "./store-report.ts";
import { entriesOf, findingsAt } from "./verify-files.ts";

/** What {@link verifyOwners} tells. */
export interface OwnerReport {
  readonly inUse: readonly EntryInUse[];
  readonly findings: readonly StoreFinding[];
}

/** Every entry that has an owner, see `layout.ts`: in use by a living process, or a finding. */
export async function verifyOwners(
  layout: StoreLayout,
): Promise<Result<OwnerReport, StoreFailure>> {
  const inUse: EntryInUse[] = [];
  const findings: StoreFinding[] = [];
  const { stageDir, cacheStageDir, stateStageDir, holdDir, deletingDir } = layout;
  for (const dir of [stageDir, cacheStageDir, stateStageDir, holdDir, deletingDir]) {
    for (const entry of await entriesOf(dir)) {
      const path = join(dir, entry);
      const found = await findingsAt(path, async () => {
        const owner = await ownerOf(layout, dir, entry);
        if (owner === undefined) return ok([{ reason: "entry-unknown", path }]);
        if (!owner.lives) return ok([{ reason: "left-over", path, pid: owner.pid }]);
        inUse.push({ path, pid: owner.pid });
        return ok([]);
      });
      if (!found.ok) return found;
      findings.push(...found.value);
    }
  }
  return ok({ inUse, findings });
}

/** The process an entry stays for; undefined when its name tells none. */
async function ownerOf(
  layout: StoreLayout,
  dir: string,
  entry: string,
): Promise<{ readonly pid: number; readonly lives: boolean } | undefined> {
  const stage = dir === layout.stageDir ? parseStageEntry(entry) : undefined;
  const name = dir === layout.stageDir ? stage?.owner : basename(entry, extname(entry));
  const owner = name === undefined ? undefined : parseOwner(name);
  if (owner === undefined) return undefined;
  if (stage?.kind === "stage") {
    const pid = await livingProcess(layout.stageNamed(entry), owner);
    return { pid: pid ?? owner.pid, lives: pid !== undefined };
  }
  return { pid: owner.pid, lives: await mayLive(owner, join(dir, entry)) };
}
