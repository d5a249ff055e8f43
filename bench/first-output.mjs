import { build, firstOutputAt, usedBase } from "./build.mjs";
import { median, ratioRow } from "./table.mjs";

/**
 * From the start of `vmbuild` to the first output of a command: resumed, and booted. Both have Node's start
 * and the planning of the build in them, which makes the ratio worse than that of the machines alone.
 */
export async function firstOutput(rig, runs) {
  const times = { warm: [], cold: [] };
  for (let run = 0; run < runs; run++) {
    for (const boot of Object.keys(times)) {
      await usedBase(rig);
      times[boot].push(firstOutputAt(await build(rig, `(run (shell "echo ready"))`, { boot })));
    }
  }
  const warm = median(times.warm);
  const cold = median(times.cold);
  return {
    rows: [
      ratioRow("to a command's first output, resumed", warm, { label: "booted", ms: cold }, 12),
    ],
    charts: [
      {
        title: "From the start of vmbuild to a command's first output",
        bars: [
          { label: "booted (--boot cold)", ms: cold, ours: true },
          { label: "resumed", ms: warm, ours: true },
        ],
      },
    ],
  };
}
