/**
 * Measures vmbuild against what Node and QEMU need by themselves, in one run on one machine, and prints
 * medians and ratios. Absolute times say little: compare within a run.
 *
 *   node bench/main.mjs [--runs N] [--base NAME] [--only cachedBuild|coldStep|chain|bigPlan|bigOutput]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { cachedBuild } from "./cached-build.mjs";
import { chain } from "./chain.mjs";
import { coldStep } from "./cold-step.mjs";
import { bigOutput } from "./big-output.mjs";
import { bigPlan } from "./big-plan.mjs";
import { prepareStore } from "./store.mjs";
import { renderTable } from "./table.mjs";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "5" },
    only: { type: "string" },
    base: { type: "string", default: "busybox" },
  },
});
const runs = Number(values.runs);
const measures = [cachedBuild, coldStep, chain, bigPlan, bigOutput].filter(
  ({ name }) => values.only === undefined || values.only === name,
);
const dir = mkdtempSync(join(tmpdir(), "vmbuild-bench-"));
try {
  const rig = await prepareStore(dir, values.base);
  const rows = [];
  for (const measure of measures) {
    process.stderr.write(`${measure.name}…\n`);
    rows.push(...(await measure(rig, runs, values.base)));
  }
  process.stdout.write(renderTable(rows));
  process.exitCode = rows.every(({ met }) => met ?? true) ? 0 : 1;
} finally {
  rmSync(dir, { recursive: true, force: true });
}
