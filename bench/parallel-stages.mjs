import { usedBase } from "./build.mjs";
import { vmbuild } from "./process.mjs";
import { forget, putStages } from "./store.mjs";
import { median, seconds } from "./table.mjs";

const most = 0.65;

/** What keeps one CPU of a guest busy for some seconds, under emulation. */
const work = (stage) => `dd if=/dev/zero bs=1M count=300 2>/dev/null | sha256sum; : stage ${stage}`;

/** Two stages that need nothing of each other, in guests with one CPU: at once against one after the other. */
export async function parallelStages(rig, runs) {
  const spec = putStages(rig, "parallel-stages.spec", [work("a"), work("b")]);
  const oneCpu = ["--cpus", "1"];
  await usedBase(rig, oneCpu);
  const times = { 1: [], 2: [] };
  for (let run = 0; run < runs; run++) {
    for (const jobs of [1, 2]) {
      forget(rig);
      const argv = ["build", "-f", spec, ...oneCpu, "--jobs", String(jobs), "."];
      times[jobs].push((await vmbuild(rig, argv, { boot: "warm" })).ms);
    }
  }
  const [after, atOnce] = [median(times[1]), median(times[2])];
  return {
    rows: [
      {
        what: "two independent stages at once, one CPU each",
        measured: seconds(atOnce),
        against: `one after the other: ${seconds(after)}`,
        ratio: (atOnce / after).toFixed(2),
        target: String(most),
        met: atOnce <= most * after,
      },
    ],
  };
}
