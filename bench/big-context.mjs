import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bootBare, builtMachine, overlay } from "./bare-qemu.mjs";
import { build, usedBase } from "./build.mjs";
import { timed } from "./process.mjs";
import { median, ratioRow, seconds } from "./table.mjs";

const folders = 50;
const filesEach = 100;
const fileBytes = 40_000;

/**
 * A `copy` of 200 MB in 5,000 files, as the whole build of that one step, against what `tar` takes to go
 * through an SSH connection that is there already: into a guest like vmbuild's own, and into one with the processor that
 * QEMU gives who asks for no other than `max`.
 */
export async function bigContext(rig) {
  for (let folder = 0; folder < folders; folder++) {
    const dir = join(rig.dir, "bulk", String(folder));
    mkdirSync(dir, { recursive: true });
    for (let file = 0; file < filesEach; file++) {
      writeFileSync(join(dir, `${file}.bin`), randomBytes(fileBytes));
    }
  }
  const machine = await builtMachine(rig, "context.spec", "", rig.base);
  const builds = [];
  const steps = [];
  const tars = [];
  const plainTars = [];
  const plain = { ...machine, cpu: "max" };
  for (let run = 0; run < rig.slowRuns; run++) {
    tars.push(await tarOverSsh(rig, machine));
    plainTars.push(await tarOverSsh(rig, plain));
    await usedBase(rig);
    const { ms, events } = await build(rig, "(copy (src bulk) (dst /bulk))");
    builds.push(ms);
    steps.push(events.findLast(({ event }) => event === "step-saved").durationMs);
  }
  const copy = median(builds);
  const tar = { label: "tar over SSH", ms: median(tars) };
  const plainTar = { label: "tar over SSH, -cpu max", ms: median(plainTars) };
  return {
    rows: [
      ratioRow("copy of 200 MB, 5,000 files: whole build", copy, tar, 4),
      ratioRow("copy of 200 MB, 5,000 files: whole build", copy, plainTar),
      { what: "of that the step, machine saved", measured: seconds(median(steps)) },
    ],
    charts: [
      {
        title: "200 MB in 5,000 files into the guest",
        bars: [plainTar, tar, { label: "vmbuild", ms: copy, ours: true }],
      },
    ],
  };
}

async function tarOverSsh(rig, machine) {
  const bare = bootBare(rig, machine, await overlay(rig, "tar.qcow2", machine.disk));
  const master = ["-o", `ControlPath=${join(rig.dir, "master")}`];
  const ssh = [...bare.sshArgv.slice(0, -1), ...master, bare.sshArgv.at(-1)];
  await bare.ssh("mkdir /bulk");
  await timed([...ssh.slice(0, -1), "-M", "-f", "-N", ssh.at(-1)], { stdio: "ignore" });
  const pipe = `tar -C ${rig.dir}/bulk -c . | ${ssh.join(" ")} tar -C /bulk -x`;
  const { ms } = await timed(["sh", "-c", pipe]);
  await bare.powerOff();
  return ms;
}
