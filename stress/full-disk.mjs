import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { buildAll } from "./build.mjs";
import { lookAfterwards } from "./aftermath.mjs";
import { contextOf } from "./context.mjs";
import { prepareRig, run } from "./rig.mjs";
import { writeSpecs } from "./specs.mjs";

/** Room for the base image and a few layers; each spec has a layer of its own, and all do not fit. */
const smallMiB = 96;
const specCount = 4;
const growBytes = 20_000_000;
const largeMiB = 1024;

/**
 * Builds on a small file system until it is full: what does not fit fails and says so, and nothing else is harmed.
 * Then there is room, and everything is built.
 */
export async function fillDisk(dir, tally, random, options) {
  if (process.getuid() !== 0) {
    tally.skipped.push("the full disk: mounting a small file system needs root");
    return;
  }
  const small = join(dir, "small");
  mkdirSync(small);
  run("mount", "-t", "tmpfs", "-o", `size=${smallMiB}m,mode=700`, "tmpfs", small);
  try {
    const rig = prepareRig(small, options);
    const context = contextOf(rig, tally, options);
    const specs = writeSpecs(small, specCount, random, { growBytes });
    await buildAll(context, specs, () => ({ boot: options.bootOf(random), mayFill: true }));
    if (!tally.upkeep.has("builds on a full disk")) tally.find("the small disk was never full");
    run("mount", "-o", `remount,size=${largeMiB}m`, small);
    await lookAfterwards(context, specs, options.lastBoot);
  } finally {
    if (!options.keeps(tally)) run("umount", small);
  }
}
