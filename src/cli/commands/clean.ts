import { exitCode } from "../exit-code.ts";
import type { Leftover } from "../../store/recover.ts";
import { openSettingsAndStore } from "../open-store.ts";
import { writeOut } from "../output.ts";
import type { Settings } from "../settings.ts";
import { UserError } from "../user-error.ts";
import { pruneAndTell } from "./prune.ts";

interface CleanFlags extends Pick<Settings, "store"> {
  readonly all?: boolean;
  readonly keepCaches?: boolean;
}

const words: Record<Leftover["kind"], string> = {
  stage: "unfinished step",
  deletion: "unfinished deletion",
  "cache-lease": "unfinished cache",
  hold: "note of a build",
  file: "temporary file",
};

/** `vmbuild clean`: opening the store has removed what dead processes left; with `--all` the rest goes too. */
export async function clean(flags: CleanFlags): Promise<void> {
  if (flags.keepCaches === true && flags.all !== true) {
    throw new UserError("--keep-caches says nothing without --all", { exitCode: exitCode.usage });
  }
  const leftovers: Leftover[] = [];
  const { store } = await openSettingsAndStore(flags, (leftover) => leftovers.push(leftover));
  await writeOut(
    leftovers.length === 0
      ? "no dead process left anything\n"
      : leftovers.map(({ kind, path }) => `removed ${words[kind]} ${path}\n`).join(""),
  );
  if (flags.all !== true) return;
  const caches = flags.keepCaches !== true;
  await pruneAndTell(store, { usedBeforeMs: Number.POSITIVE_INFINITY, caches }, false);
}
