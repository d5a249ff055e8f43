/**
 * Measures vmbuild against other ways of doing the same, and against what Node and QEMU need by themselves,
 * in one run on one machine. Prints medians and ratios; absolute times say little: compare within a run.
 *
 *   node bench/main.mjs [--runs N] [--only NAME[,NAME…]] [--base NAME] [--accelerator tcg|kvm]
 *                       [--markdown] [--plot FILE]
 *
 * What takes minutes each time is measured once for every three of the N runs.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { attach } from "./attach.mjs";
import { bigContext } from "./big-context.mjs";
import { bigOutput } from "./big-output.mjs";
import { bigPlan } from "./big-plan.mjs";
import { bigStore } from "./big-store.mjs";
import { bulkCache } from "./bulk-cache.mjs";
import { cachedBuild } from "./cached-build.mjs";
import { cloudImages } from "./cloud-images.mjs";
import { coldStep } from "./cold-step.mjs";
import { editImages } from "./edit-images.mjs";
import { firstOutput } from "./first-output.mjs";
import { idleForks } from "./forks.mjs";
import { describeHost } from "./host.mjs";
import { renderPlot } from "./plot.mjs";
import { parallelStages } from "./parallel-stages.mjs";
import { endAll } from "./process.mjs";
import { sideBySide } from "./side-by-side.mjs";
import { prepareRig } from "./store.mjs";
import { renderMarkdown, renderTable } from "./table.mjs";
import { warmSteps } from "./warm-steps.mjs";

const all = [
  sideBySide,
  firstOutput,
  warmSteps,
  attach,
  parallelStages,
  cloudImages,
  editImages,
  bulkCache,
  bigContext,
  idleForks,
  coldStep,
  cachedBuild,
  bigPlan,
  bigStore,
  bigOutput,
];
const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "3" },
    only: { type: "string" },
    base: { type: "string", default: "debian-12" },
    accelerator: { type: "string", default: "tcg" },
    markdown: { type: "boolean", default: false },
    plot: { type: "string" },
  },
});
const wanted = values.only?.split(",") ?? all.map(({ name }) => name);
const unknown = wanted.find((name) => !all.some((measure) => measure.name === name));
if (unknown !== undefined) {
  throw new Error(`no measure ${unknown}; there are ${all.map(({ name }) => name).join(", ")}`);
}
const runs = Number(values.runs);
const dir = mkdtempSync(join(tmpdir(), "vmbuild-bench-"));

async function cleanUp() {
  await endAll();
  rmSync(dir, { recursive: true, force: true });
}

let isStopped = false;
function stop() {
  isStopped = true;
  void cleanUp().then(() => process.exit(1));
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.once(signal, stop);
}
process.once("uncaughtException", (error) => {
  process.stderr.write(`${error.stack}\n`);
  stop();
});

try {
  const rig = { ...(await prepareRig(dir, values)), slowRuns: Math.ceil(runs / 3) };
  const host = await describeHost(values);
  const rows = [];
  const charts = [];
  for (const measure of all.filter(({ name }) => wanted.includes(name))) {
    process.stderr.write(`${measure.name}…\n`);
    try {
      const measured = await measure(rig, runs);
      rows.push(...measured.rows);
      charts.push(...(measured.charts ?? []));
    } catch (error) {
      if (isStopped) throw error;
      process.stderr.write(`${error.stack}\n`);
      rows.push({ what: measure.name, measured: "failed", met: false });
    }
  }
  process.stdout.write(values.markdown ? renderMarkdown(rows) : renderTable(rows));
  process.stdout.write(`\n${host}\n`);
  if (values.plot !== undefined) {
    writeFileSync(values.plot, renderPlot(charts, [`Medians of one run. ${host}`]));
  }
  process.exitCode = rows.every(({ met }) => met ?? true) ? 0 : 1;
} finally {
  await cleanUp();
}
