import type { StepId } from "../../plan/step.ts";
import type { StepFailure } from "../../build/failure.ts";
import { openSettingsAndStore } from "../open-store.ts";
import { orThrow, userError } from "../or-throw.ts";
import { writeOut } from "../output.ts";
import { failureMessage } from "../render/failure-message.ts";
import type { Settings } from "../settings.ts";
import { UserError } from "../user-error.ts";

/** `vmbuild delete`: looks at all ids before it removes anything. */
export async function deleteLayers(
  texts: readonly string[],
  flags: Pick<Settings, "store"> & { readonly recursive?: boolean; readonly dryRun?: boolean },
): Promise<void> {
  const { store } = await openSettingsAndStore(flags);
  const ids = new Set<StepId>();
  const failures: StepFailure[] = [];
  for (const text of texts) {
    const resolved = await store.resolveId(text);
    if (resolved.ok) ids.add(resolved.value);
    else failures.push(resolved.error);
  }
  if (failures.length > 0) throw nothingDeleted(failures);
  const { recursive = false, dryRun = false } = flags;
  const deleted = orThrow(await store.deleteAll([...ids], { recursive, dryRun }));
  const verb = dryRun ? "would delete" : "deleted";
  await writeOut(deleted.map((id) => `${verb} ${id}\n`).join(""));
}

function nothingDeleted(failures: readonly StepFailure[]): UserError {
  const [first] = failures;
  if (failures.length === 1 && first !== undefined) return userError(first);
  const messages = failures.map(failureMessage);
  const hints = new Set(messages.map(({ hint }) => hint).filter((hint) => hint !== undefined));
  return new UserError(messages.map(({ text }) => text).join("; "), {
    exitCode: messages[0]?.exitCode ?? 1,
    hint: [...hints].join("; "),
  });
}
