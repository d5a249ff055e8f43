import { formatByteSize } from "../../profile/byte-size.ts";
import type { Store } from "../../store/store.ts";
import type { PruneLimits } from "../../store/upkeep.ts";
import { exitCode } from "../exit-code.ts";
import { openSettingsAndStore } from "../open-store.ts";
import { orThrow } from "../or-throw.ts";
import { writeOut } from "../output.ts";
import { pruneTable } from "../render/prune-report.ts";
import type { Settings } from "../settings.ts";
import { UserError } from "../user-error.ts";

interface PruneFlags extends Pick<Settings, "store"> {
  readonly keep?: number;
  readonly free?: number;
  readonly olderThan?: number;
  readonly caches?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `vmbuild prune` */
export async function prune(flags: PruneFlags): Promise<void> {
  const { keep, free, olderThan, caches = false, dryRun = false } = flags;
  if (keep === undefined && free === undefined && olderThan === undefined) {
    throw new UserError("prune needs to know what may stay", {
      exitCode: exitCode.usage,
      hint: "give --keep 20GB, --free 10GB or --older-than 14d; `vmbuild df` shows what there is",
    });
  }
  const { store } = await openSettingsAndStore(flags);
  await pruneAndTell(
    store,
    {
      ...(keep === undefined ? {} : { keepBytes: keep }),
      ...(free === undefined ? {} : { freeBytes: free }),
      ...(olderThan === undefined ? {} : { usedBeforeMs: Date.now() - olderThan }),
      caches,
      dryRun,
    },
    flags.json === true,
  );
}

/** Prunes and writes what went to standard output. @throws UserError */
export async function pruneAndTell(
  store: Store,
  limits: PruneLimits,
  json: boolean,
): Promise<void> {
  const { dryRun = false, keepBytes } = limits;
  const report = orThrow(await store.prune(limits));
  if (json) {
    await writeOut(`${JSON.stringify({ dryRun, ...report }, undefined, 2)}\n`);
    return;
  }
  const width = process.stdout.columns ?? 120;
  await writeOut(pruneTable(report, { dryRun, nowMs: Date.now(), width }));
  if (keepBytes === undefined || report.keptBytes <= keepBytes) return;
  const caches = limits.caches === true ? "" : ", or is a cache (--caches)";
  await writeOut(
    `${formatByteSize(report.keptBytes)} stay: what is in use, has a tag or is needed by that${caches}\n`,
  );
}
