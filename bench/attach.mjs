import { build, usedBase } from "./build.mjs";
import { limitRow, median, seconds } from "./table.mjs";

/**
 * How soon a second build shows what a step has printed that another process runs: once it is attached, and
 * with the start of Node and the planning.
 */
export async function attach(rig, runs) {
  const attached = [];
  const started = [];
  for (let run = 0; run < runs; run++) {
    await usedBase(rig);
    const ops = `(run (shell "echo ready; sleep 10; echo ${run}"))`;
    const builds = [];
    const start = (onEvent) => builds.push(build(rig, ops, { onEvent }));
    start(({ event, replayed }) => {
      if (event === "step-output" && !replayed && builds.length === 1) start();
    });
    await builds[0];
    const { events } = await builds[1];
    const at = (wanted) => {
      const found = events.find(({ event }) => event === wanted);
      if (found === undefined) throw new Error(`the second build had no ${wanted}`);
      return found.at;
    };
    attached.push(at("step-output") - at("step-attached"));
    started.push(at("step-output"));
  }
  return {
    rows: [
      limitRow(
        "to the first line of a step that another runs, once attached",
        median(attached),
        500,
      ),
      {
        what: "the same, from the start of vmbuild",
        measured: seconds(median(started)),
      },
    ],
  };
}
