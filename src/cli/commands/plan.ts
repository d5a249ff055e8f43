import { FileBaseImages } from "../../image/file-base-images.ts";
import { planToJson } from "../../plan/plan-json.ts";
import { planToText } from "../../plan/plan-text.ts";
import type { StepId } from "../../plan/step.ts";
import { makePlan } from "../make-plan.ts";
import { openSettingsAndStore } from "../open-store.ts";
import { writeOut } from "../output.ts";
import type { Settings } from "../settings.ts";

interface PlanFlags extends Settings {
  readonly file: string;
  readonly diskSize?: number;
  readonly json?: boolean;
}

/** `vmbuild plan` */
export async function plan(context: string, flags: PlanFlags): Promise<void> {
  const { store, layout, settings, images } = await openSettingsAndStore({
    ...(flags.store === undefined ? {} : { store: flags.store }),
    ...(flags.diskSize === undefined ? {} : { diskSizeBytes: flags.diskSize }),
  });
  const made = await makePlan({
    specPath: flags.file,
    contextDir: context,
    store,
    bases: new FileBaseImages(layout),
    images,
    ...(settings.diskSizeBytes === undefined ? {} : { diskSizeBytes: settings.diskSizeBytes }),
    signal: new AbortController().signal,
  });
  const cached = new Set<StepId>();
  for (const { id } of made.plan.steps) {
    if ((await store.layer(id)) !== undefined) cached.add(id);
  }
  const isCached = (id: StepId): boolean => cached.has(id);
  await writeOut(
    flags.json === true
      ? `${JSON.stringify(planToJson(made.plan, isCached), undefined, 2)}\n`
      : planToText(made.plan, isCached, { width: process.stdout.columns ?? 200 }),
  );
}
