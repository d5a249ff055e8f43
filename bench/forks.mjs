import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { build, usedBase } from "./build.mjs";
import { megabytes } from "./table.mjs";

const forks = 4;
const limitBytes = 120e6;

/**
 * Memory of machines that were resumed from one suspended machine and are idle: the sum of QEMU's
 * proportional set sizes, so that what they share counts once.
 */
export async function idleForks(rig) {
  await usedBase(rig);
  let awake = 0;
  let resolve;
  const allAwake = new Promise((done) => (resolve = done));
  const onEvent = ({ event }) => {
    if (event === "step-output" && ++awake === forks) resolve();
  };
  const builds = Array.from({ length: forks }, (_, fork) =>
    build(rig, `(run (shell "echo awake; sleep 25; : fork ${fork}"))`, { onEvent }),
  );
  const finished = Promise.all(builds);
  await Promise.race([allAwake, finished]);
  await delay(3000);
  const sizes = machinesBelow(process.pid).map(proportionalBytes);
  await finished;
  if (sizes.length !== forks) throw new Error(`${sizes.length} of ${forks} machines were found`);
  const each = sizes.reduce((sum, bytes) => sum + bytes) / forks;
  return {
    rows: [
      {
        what: `memory of each of ${forks} idle forks of a machine`,
        measured: megabytes(each),
        target: megabytes(limitBytes),
        met: each <= limitBytes,
      },
    ],
  };
}

/** The QEMU processes that descend from a process. */
function machinesBelow(pid) {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").trim().split(" ").filter(Boolean),
  );
  return children.flatMap((child) =>
    readFileSync(`/proc/${child}/comm`, "utf8").startsWith("qemu-system")
      ? [child]
      : machinesBelow(child),
  );
}

function proportionalBytes(pid) {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)[1]) * 1024;
}
