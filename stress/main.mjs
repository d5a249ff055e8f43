/**
 * Builds random specs in many processes on one store, kills them and their machines, removes what they built, fills
 * their disk, and then looks whether everything that the store promises holds.
 *
 *   node stress/main.mjs [--seed N] [--builds N] [--kills N] [--parallel N] [--minutes N]
 *                        [--boot warm|cold|both] [--specs N] [--memory SIZE] [--accelerator tcg|kvm] [--no-full-disk]
 *
 * It ends after so many builds and kills, or after so many minutes. The seed repeats the specs and the choices; what
 * they hit depends on the time everything takes.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { lookAfterwards } from "./aftermath.mjs";
import { buildSpec } from "./build.mjs";
import { contextOf } from "./context.mjs";
import { disturb, keepUp } from "./disturb.mjs";
import { fillDisk } from "./full-disk.mjs";
import { endAll } from "./processes.mjs";
import { Random } from "./random.mjs";
import { prepareRig, run } from "./rig.mjs";
import { writeSpecs } from "./specs.mjs";
import { Tally } from "./tally.mjs";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    builds: { type: "string", default: "200" },
    kills: { type: "string", default: "200" },
    parallel: { type: "string", default: "10" },
    minutes: { type: "string", default: "60" },
    specs: { type: "string", default: "20" },
    boot: { type: "string", default: "both" },
    memory: { type: "string", default: "128M" },
    accelerator: { type: "string", default: "auto" },
    "no-full-disk": { type: "boolean", default: false },
  },
});
const number = (name) => {
  const value = Number(values[name]);
  if (!Number.isFinite(value) || value < 0 || values[name].trim() === "")
    fail(`--${name} is a number, not ${values[name]}`);
  return value;
};
if (!["warm", "cold", "both"].includes(values.boot))
  fail(`--boot is warm, cold or both, not ${values.boot}`);
const [seed, builds, kills, parallel, minutes, specCount] = [
  "seed",
  "builds",
  "kills",
  "parallel",
  "minutes",
  "specs",
].map(number);
const bootOf = (random) =>
  values.boot === "both" ? random.pick(["warm", "warm", "cold"]) : values.boot;

/** The last builds, whose way is not what they are about, are made the faster way. */
const lastBoot = values.boot === "cold" ? "cold" : "warm";

const dir = mkdtempSync(join(tmpdir(), "vmbuild-stress-"));
const tally = new Tally();
const random = new Random(seed);
let isInterrupted = false;
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.once(name, () => {
    isInterrupted = true;
    tally.isMuted = true;
    void cleanUp().then(() => process.exit(1));
  });
}

const options = {
  memory: values.memory,
  accelerator: values.accelerator,
  bootOf,
  lastBoot,
  keeps: () => tally.findings.length > 0 && !isInterrupted,
};
process.stderr.write(`seed ${seed}, in ${dir}\n`);
try {
  await storm();
  if (!values["no-full-disk"]) await fillDisk(dir, tally, random.fork(), options);
} catch (error) {
  if (!isInterrupted) tally.find("the run itself failed", error.stack);
}
if (!isInterrupted) {
  process.stdout.write(tally.summary());
  process.exitCode = tally.findings.length > 0 ? 1 : 0;
  if (tally.findings.length > 0) {
    const flags = Object.entries({ ...values, seed: String(seed) })
      .filter(([, value]) => value !== false)
      .map(([name, value]) => (value === true ? `--${name}` : `--${name} ${value}`));
    process.stdout.write(`repeat    node stress/main.mjs ${flags.join(" ")}\nkept      ${dir}\n`);
    await endAll();
  } else {
    await cleanUp();
  }
}

/** Many builds at once, with everything that may happen to them. */
async function storm() {
  const rig = prepareRig(dir, options);
  const endsAt = performance.now() + minutes * 60_000;
  let isStopped = false;
  const context = contextOf(rig, tally, { isStopped: () => isStopped, pauseMs: 2000 });
  const specs = writeSpecs(dir, specCount, random.fork());
  const isDone = () =>
    performance.now() > endsAt ||
    tally.findings.length > 0 ||
    (tally.builds >= builds && tally.killCount >= kills);
  const work = async (random) => {
    while (!isDone()) await buildSpec(context, random.pick(specs), { boot: bootOf(random) });
  };
  const disturber = disturb(context, random.fork(), kills);
  const upkeep = keepUp(context, random.fork());
  const workers = Array.from({ length: parallel }, () => work(random.fork()));
  const timer = setInterval(() => (isStopped ||= isDone()), 200);
  try {
    await Promise.all([...workers, disturber, upkeep]);
  } finally {
    clearInterval(timer);
  }
  if (tally.killCount < kills)
    tally.skipped.push(`${kills - tally.killCount} of ${kills} kills: the time was over`);
  await lookAfterwards(contextOf(rig, tally), specs, lastBoot);
}

async function cleanUp() {
  await endAll();
  try {
    run("umount", join(dir, "small"));
  } catch {
    // It was not mounted, or has been unmounted.
  }
  rmSync(dir, { recursive: true, force: true });
}

function fail(message) {
  process.stderr.write(`stress: ${message}\n`);
  process.exit(2);
}
