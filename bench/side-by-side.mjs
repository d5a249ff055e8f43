import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { bootPerStep, builtMachine } from "./bare-qemu.mjs";
import { build, usedBase } from "./build.mjs";
import { versionOf } from "./host.mjs";
import { packer } from "./packer.mjs";
import { limitRow, median, ratioRow } from "./table.mjs";
import { virtCustomize } from "./virt-customize.mjs";

const rivals = [
  { name: "Packer", program: "packer", flag: "version", package: "packer", run: packer },
  {
    name: "virt-customize",
    program: "virt-customize",
    package: "libguestfs-tools",
    run: virtCustomize,
  },
];

/** Four small `run` and one `copy`. */
const stepsWith = (last) => [
  { run: "echo one > /one; sync" },
  { run: "echo two > /two; sync" },
  { copy: "copied" },
  { run: "echo three > /three; sync" },
  { run: `echo ${last} > /four; sync` },
];

const asSpec = ({ run, copy }) =>
  copy === undefined ? `(run (shell "${run}"))` : `(copy (src ${copy}) (dst /${copy}))`;

const asCommand = (rig, { run, copy }) =>
  copy === undefined ? { command: run } : { command: `cat > /${copy}`, input: join(rig.dir, copy) };

/**
 * The same five steps on the same disk by each way of doing them. "First" is a build on a base image that
 * was used before: it is in the store, with its suspended machine unless the build is cold.
 *
 * Packer and virt-customize keep no layers, so for them every build is the first.
 */
export async function sideBySide(rig, runs) {
  writeFileSync(join(rig.dir, "copied"), "copied\n");
  const machine = await builtMachine(rig, "side-by-side.spec", "", rig.base);
  const first = stepsWith("four");
  const changed = stepsWith("changed");
  const vmbuild = async (steps, boot) =>
    (await build(rig, steps.map(asSpec).join("\n"), { boot })).ms;
  const { present, leftOut } = await rivalsFor(rig, machine, first);
  const times = { step: [], pass: [], cold: [], coldLast: [], warm: [], warmLast: [], nothing: [] };
  for (let run = 0; run < runs; run++) {
    if (run < rig.slowRuns) {
      const steps = await bootPerStep(
        rig,
        machine,
        first.map((step) => asCommand(rig, step)),
      );
      times.step.push(...steps);
      times.pass.push(steps.reduce((sum, ms) => sum + ms));
      await usedBase(rig);
      times.cold.push(await vmbuild(first, "cold"));
      times.coldLast.push(await vmbuild(changed, "cold"));
    }
    await usedBase(rig);
    times.warm.push(await vmbuild(first, "warm"));
    times.warmLast.push(await vmbuild(changed, "warm"));
    times.nothing.push(await vmbuild(changed, "warm"));
    for (const rival of present) rival.times.push(await rival.run(rig, machine, first));
  }
  return report(times, present, leftOut);
}

/** Those that can be compared here. The first run of one may prepare something, and is not measured. */
async function rivalsFor(rig, machine, steps) {
  const present = [];
  const leftOut = [];
  for (const rival of rivals) {
    const why =
      machine.profile.boot.kind !== "firmware"
        ? "needs a disk that boots by itself"
        : (await versionOf(rival.program, rival.flag)) === undefined
          ? `not installed (Debian: ${rival.package})`
          : undefined;
    if (why === undefined) {
      await rival.run(rig, machine, steps);
      present.push({ ...rival, times: [] });
    } else {
      leftOut.push({ what: `five steps, ${rival.name}`, measured: "left out", against: why });
    }
  }
  return { present, leftOut };
}

function report(times, present, leftOut) {
  const all = Object.fromEntries(Object.entries(times).map(([name, ms]) => [name, median(ms)]));
  const five = { label: "boot per step, all five", ms: all.pass };
  const one = { label: "boot per step, that step alone", ms: all.step };
  const others = present.map(({ name, times }) => ({ label: name, ms: median(times) }));
  const packed = others.find(({ label }) => label === "Packer");
  const ours = { label: "vmbuild", ours: true };
  return {
    rows: [
      ...others.map(({ label, ms }) => ratioRow(`five steps, ${label}`, ms, five)),
      ...leftOut,
      ratioRow("five steps, first build, --boot cold", all.cold, five),
      ratioRow("five steps, first build", all.warm, five, 30),
      ...(packed === undefined ? [] : [ratioRow("five steps, first build", all.warm, packed, 5)]),
      ratioRow("last step changed, --boot cold", all.coldLast, one),
      ratioRow("last step changed", all.warmLast, one, 12),
      limitRow("last step changed", all.warmLast, 2000),
      ratioRow("nothing changed", all.nothing, one),
    ],
    charts: [
      {
        title: "Four small commands and a copy, first build",
        bars: [
          { label: "boot per step", ms: all.pass },
          { ...ours, label: "vmbuild --boot cold", ms: all.cold },
          ...others,
          { ...ours, ms: all.warm },
        ],
      },
      {
        title: "Only the last command changed",
        bars: [
          { label: "boot per step", ms: all.step },
          ...others,
          { ...ours, label: "vmbuild --boot cold", ms: all.coldLast },
          { ...ours, ms: all.warmLast },
        ],
      },
    ],
  };
}
