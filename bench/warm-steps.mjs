import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { build, firstOutputAt, usedBase } from "./build.mjs";
import { limitRow, median, megabytes, seconds } from "./table.mjs";

const steps = 10;
const repetitions = 200;
const command = (value) => `/bin/sh -c 'echo ${value} > /value'`;

/**
 * What a step adds in a chain of warm steps, to time and to the disk.
 *
 * A step's time is that from the end of the step before to its own, so nothing that happens between two
 * steps is lost; the first two are not counted. The command's own time is that of one of many repetitions
 * in one step, between the outputs before and after them. Repeated it is faster than alone, so what is said
 * to be added is rather too much than too little.
 */
export async function warmSteps(rig, runs) {
  const times = [];
  const own = [];
  const disk = [];
  for (let run = 0; run < runs; run++) {
    await usedBase(rig);
    const chain = Array.from({ length: steps }, (_, step) => `(run (shell "${command(step)}"))`);
    const { events } = await build(rig, chain.join("\n"));
    const saved = events.filter(({ event }) => event === "step-saved").slice(-steps);
    for (let step = 2; step < steps; step++) {
      times.push(saved[step].at - saved[step - 1].at);
      disk.push(addedBytes(rig, saved[step].id, saved[step - 1].id));
    }
    const loop = `for i in $(seq ${repetitions}); do ${command("$i")}; done`;
    const repeated = await build(rig, `(run (shell "echo start; ${loop}; echo end"))`);
    const end = repeated.events.findLast(({ event }) => event === "step-output").at;
    own.push((end - firstOutputAt(repeated)) / repetitions);
  }
  const added = median(times) - median(own);
  const bytes = median(disk);
  return {
    rows: [
      {
        ...limitRow("added by a warm step in a chain", added, 200),
        against: `the command itself: ${seconds(median(own))}`,
      },
      {
        what: "disk per warm layer of a small step",
        measured: megabytes(bytes),
        target: "40 MB",
        met: bytes <= 40e6,
      },
    ],
  };
}

/** What a layer allocates besides the files it shares, by hard links, with its parent. */
function addedBytes(rig, layer, parent) {
  const shared = new Set(files(rig, parent).map(({ ino }) => ino));
  return files(rig, layer)
    .filter(({ ino }) => !shared.has(ino))
    .reduce((sum, { blocks }) => sum + blocks * 512, 0);
}

function files(rig, layer) {
  const dir = join(rig.store, "result", layer);
  return readdirSync(dir, { recursive: true }).map((path) => lstatSync(join(dir, path)));
}
